"""A program with tools over plain HTTP, paused and resumed by a test."""

PATH = "/exec/programmatic"


def tool(name, **properties):
    described = {key: {"type": kind} for key, kind in properties.items()}
    parameters = {"type": "object", "properties": described, "required": list(properties)}
    return {"name": name, "description": f"does {name}", "parameters": parameters}


ADD = tool("add", a="number", b="number")
SAY = tool("say", text="string")


class Program:
    """One program with tools; `state` is the newest answer."""

    def __init__(self, api, code, tools=(ADD, SAY), headers=None, **fields):
        self.api, self.headers = api, headers
        self.state = None
        self.send({"code": code, "tools": list(tools), "timeout": 15000, **fields})

    def send(self, body):
        answer = self.api.post(PATH, json=body, headers=self.headers)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        self.state = answer.json()
        return self

    def calls(self):
        assert self.state["status"] == "tool_call_required", self.state
        assert self.state["continuation_token"] and self.state["session_id"]
        assert isinstance(self.state["partial_stdout"], str)
        assert isinstance(self.state["partial_stderr"], str)
        return self.state["tool_calls"]

    def token(self):
        return self.state["continuation_token"]

    def answer(self, *results):
        """Results in the order of the open calls; an exception is a failed tool."""
        sent = []
        for call, result in zip(self.calls(), results, strict=True):
            entry = {"call_id": call["id"], "result": result, "is_error": False}
            if isinstance(result, Exception):
                entry |= {"result": None, "is_error": True, "error_message": str(result)}
            sent.append(entry)
        return self.send({"continuation_token": self.token(), "tool_results": sent})

    def completed(self):
        assert self.state["status"] == "completed", self.state
        assert isinstance(self.state["files"], list)
        return self.state

    def failed(self):
        assert self.state["status"] == "error", self.state
        return self.state
