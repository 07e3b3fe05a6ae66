"""The real client, `@librechat/agents` from npm, driven through client/driver.mjs."""

import base64
import itertools
import json
import os
import queue
import subprocess
import threading
from pathlib import Path

from harness import npm

CLIENT = Path(__file__).resolve().parent / "client"
ANSWER_TIMEOUT_S = 120


class ClientError(Exception):
    """What the client or axios threw; `status` is that of the HTTP answer, where there is one."""

    def __init__(self, described):
        super().__init__(f"{described['name']}: {described['message']}")
        self.status = described["status"]


class Pending:
    """The answer to a command, which may still be under way."""

    def __init__(self, number):
        self.number = number
        self._answers = queue.Queue()

    def put(self, answer):
        self._answers.put(answer)

    def result(self, timeout_s=ANSWER_TIMEOUT_S):
        answer = self._answers.get(timeout=timeout_s)
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["value"]


class Driver:
    """One process of the client for one base URL."""

    def __init__(self, base_url):
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": os.environ.get("HOME", "/"),
            "CLOISTER_CLIENT_MODULES": str(npm.installed(CLIENT)),
            "LIBRECHAT_CODE_BASEURL": base_url,
        }
        self._process = subprocess.Popen(
            ["node", str(CLIENT / "driver.mjs")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count(1)
        self._pending = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                pending = self._pending.pop(answer["id"])
            pending.put(answer)
        ended = {"name": "DriverEnded", "message": "the client's process ended", "status": None}
        with self._lock:
            for pending in self._pending.values():
                pending.put({"error": ended})

    def start(self, do, **fields):
        """Sends a command and returns its Pending answer."""
        with self._lock:
            pending = Pending(next(self._numbers))
            self._pending[pending.number] = pending
            self._process.stdin.write(json.dumps({"id": pending.number, "do": do, **fields}) + "\n")
            self._process.stdin.flush()
        return pending

    def run(self, do, **fields):
        return self.start(do, **fields).result()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()  # A call that was left open keeps Node alive.
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    # Files, as LibreChat sends and fetches them.

    def upload(self, name, data, fields=(), **options):
        file = {"name": name, "base64": base64.b64encode(data).decode()}
        return self.run("upload", file=file, fields=list(fields), **options)

    def upload_batch(self, files, fields=(), **options):
        sent = [{"name": n, "base64": base64.b64encode(d).decode()} for n, d in files]
        return self.run("upload_batch", files=sent, fields=list(fields), **options)

    def download(self, session, file, **options):
        answer = self.run("download", session=session, file=file, **options)
        return base64.b64decode(answer["base64"])


class Conversation:
    """One chat: the tools of one agent. The newest client remembers files over its calls."""

    _numbers = itertools.count(1)

    def __init__(self, driver, generation="new", **options):
        self.driver = driver
        self.name = f"conversation-{next(self._numbers)}"
        driver.run("open", conversation=self.name, generation=generation, **options)

    def start(self, tool, **arguments):
        return self.driver.start(
            "call", conversation=self.name, tool=tool, args=arguments, abortable=True
        )

    def call(self, tool, **arguments):
        """{"status", "content", "artifact"} as the model and the application get them."""
        return self.driver.run("call", conversation=self.name, tool=tool, args=arguments)

    def code(self, lang, code, **arguments):
        return self.call("execute_code", lang=lang, code=code, **arguments)

    def bash(self, command, **arguments):
        return self.call("bash_tool", command=command, **arguments)

    def files(self):
        """What the newest client keeps for the next turn."""
        return self.driver.run("files", conversation=self.name)
