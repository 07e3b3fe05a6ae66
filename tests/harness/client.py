"""A thin client that checks the shape of every answer it hands out."""

import json
import re
import uuid
from types import SimpleNamespace

import requests

from harness.sse import Stream, read_events

EXECUTE_KEYS = ["stdout", "stderr", "exit_code", "timed_out", "duration_ms", "files"]
BASH_KEYS = EXECUTE_KEYS[:-1]
SESSION_ID = re.compile(r"code-session-[0-9a-f]{32}")


class Outcome(SimpleNamespace):
    """The answer of an execution or a bash call, by attribute."""

    @property
    def paths(self):
        return sorted(entry["path"] for entry in self.files)

    def file_id(self, path):
        found = [entry["file_id"] for entry in self.files if entry["path"] == path]
        assert len(found) == 1, (path, self.files)
        return found[0]

    def ok(self):
        """Itself, after a check that the program ended well."""
        assert self.exit_code == 0 and not self.timed_out, vars(self)
        return self


def is_file_id(text):
    """A canonical lower-case random UUID of version 4."""
    try:
        return str(uuid.UUID(text)) == text and uuid.UUID(text).version == 4
    except (ValueError, AttributeError, TypeError):
        return False


def check_outcome(body, keys):
    assert list(body) == keys, body
    assert isinstance(body["stdout"], str) and isinstance(body["stderr"], str)
    assert isinstance(body["timed_out"], bool)
    assert type(body["duration_ms"]) is int and body["duration_ms"] >= 0
    if body["timed_out"]:
        assert body["exit_code"] is None
    else:
        assert type(body["exit_code"]) is int, body
    for entry in body.get("files", []):
        assert list(entry) == ["path", "kind", "file_id"], entry
        assert entry["kind"] == "file" and is_file_id(entry["file_id"]), entry
    return Outcome(**body)


def multipart(parts, boundary="cloister-test-boundary"):
    """(body, content type). A part is (raw header bytes of Content-Disposition's value, bytes)."""
    body = b""
    for disposition, data in parts:
        body += b"--" + boundary.encode() + b"\r\n"
        body += b"Content-Disposition: " + disposition + b"\r\n\r\n" + data + b"\r\n"
    body += b"--" + boundary.encode() + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


class Api:
    """One client with its own connection pool."""

    def __init__(self, base_url, timeout=90):
        self.base_url = base_url
        self.timeout = timeout
        self.http = requests.Session()
        self.http.trust_env = False

    def request(self, method, path, **options):
        options.setdefault("timeout", self.timeout)
        options.setdefault("allow_redirects", False)
        return self.http.request(method, self.base_url + path, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    # Executions.

    def execute(self, code, **fields):
        """Runs a program; the generous time-out keeps slow machines out of the result."""
        fields.setdefault("timeout_ms", 30000)
        fields.setdefault("last_line_interactive", False)
        answer = self.post("/v1/execute", json={"code": code, **fields})
        assert answer.status_code == 200, (answer.status_code, answer.text[:2000])
        assert answer.headers["content-type"] == "application/json"
        return check_outcome(answer.json(), EXECUTE_KEYS)

    def execute_json(self, code, **fields):
        """Runs a program that prints one JSON document, and returns it."""
        outcome = self.execute(code, **fields)
        assert outcome.exit_code == 0, vars(outcome)
        return json.loads(outcome.stdout)

    def open_stream(self, code, **fields):
        fields.setdefault("timeout_ms", 30000)
        fields.setdefault("last_line_interactive", False)
        return self.post("/v1/execute/stream", json={"code": code, **fields}, stream=True)

    def stream(self, code, **fields):
        """Runs a program over the event stream and returns all of it."""
        with self.open_stream(code, **fields) as answer:
            assert answer.status_code == 200, answer.text
            stream = Stream(answer.status_code, dict(answer.headers))
            chunks = []

            def pieces():
                for piece in answer.raw.stream(65536, decode_content=True):
                    chunks.append(piece)
                    yield piece

            stream.events = list(read_events(pieces()))
            stream.raw = b"".join(chunks)
        names = stream.names()
        assert names and names[-1] in ("result", "error"), names
        assert not set(names[:-1]) - {"output"}, names
        return stream

    # Files.

    def upload(self, data, name="in.txt"):
        if isinstance(data, str):
            data = data.encode()
        answer = self.post("/v1/files", files={"file": (name, data)})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert list(body) == ["file_id", "filename", "size_bytes"], body
        assert is_file_id(body["file_id"]) and body["size_bytes"] == len(data)
        return body["file_id"]

    def download(self, file_id):
        answer = self.get(f"/v1/files/{file_id}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def list_files(self):
        answer = self.get("/v1/files")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["files"]
        return {entry["file_id"]: entry for entry in body["files"]}

    def output(self, outcome, path):
        return self.download(outcome.file_id(path))

    # Sessions.

    def create_session(self, **fields):
        answer = self.post("/v1/sessions", json=fields)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert list(body) == ["session_id", "expires_at"], body
        assert SESSION_ID.fullmatch(body["session_id"]), body
        assert isinstance(body["expires_at"], float), body
        return body["session_id"]

    def delete_session(self, session_id):
        answer = self.delete(f"/v1/sessions/{session_id}")
        assert answer.status_code == 204, answer.text
        assert answer.content == b""

    def bash(self, session_id, cmd, **fields):
        fields.setdefault("timeout_ms", 30000)
        answer = self.post(f"/v1/sessions/{session_id}/bash", json={"cmd": cmd, **fields})
        assert answer.status_code == 200, answer.text
        return check_outcome(answer.json(), BASH_KEYS)

    def metrics(self):
        """{series with labels: value} of /metrics."""
        answer = self.get("/metrics")
        assert answer.status_code == 200
        lines = [x for x in answer.text.splitlines() if x and not x.startswith("#")]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def close(self):
        self.http.close()
