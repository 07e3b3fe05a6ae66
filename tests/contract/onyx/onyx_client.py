"""A client that behaves as Onyx does, written from section 14 of the contract.

Its habits are kept on purpose: `requests` decodes the stream with the charset of the answer (Latin-1
when there is none) and splits it on every Unicode line boundary.
"""

import json
from dataclasses import dataclass, field

import requests

MAXIMUM_SHOWN = 50_000
GATE = (0, 4, 0)


class ClientError(Exception):
    """What Onyx shows its model: the status line and the URL, or the text of an error event."""


@dataclass
class ExecutionFile:
    path: str
    kind: str
    file_id: str | None


@dataclass
class Execution:
    stdout: str
    stderr: str
    exit_code: int | None
    timed_out: bool
    duration_ms: int
    files: list = field(default_factory=list)


def parse_version(text):
    if not isinstance(text, str):
        return (0, 0, 0)
    for mark in "-+":
        text = text.split(mark)[0]
    parts = text.removeprefix("v").split(".")
    try:
        triple = tuple(int(part) for part in parts)
    except ValueError:
        return (0, 0, 0)
    return triple if len(triple) == 3 else (0, 0, 0)


def typed(body, name, *kinds):
    """The field, or a failure of the whole call when it is missing or of another type."""
    if name not in body:
        raise ClientError(f"missing field {name}")
    value = body[name]
    if type(value) not in kinds:
        raise ClientError(f"field {name} is {type(value).__name__}")
    return value


def read_result(body, stdout=None, stderr=None):
    files = []
    for entry in typed(body, "files", list):
        kind = typed(entry, "kind", str)
        if kind not in ("file", "directory"):
            raise ClientError(f"kind {kind}")
        files.append(
            ExecutionFile(typed(entry, "path", str), kind, typed(entry, "file_id", str, type(None)))
        )
    return Execution(
        typed(body, "stdout", str) if stdout is None else stdout,
        typed(body, "stderr", str) if stderr is None else stderr,
        typed(body, "exit_code", int, type(None)),
        typed(body, "timed_out", bool),
        typed(body, "duration_ms", int),
        files,
    )


class OnyxClient:
    """Synchronous; one connection pool; no authentication; follows redirects."""

    def __init__(self, base_url):
        self.base_url = base_url.rstrip("/")
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def _call(self, method, path, timeout, **options):
        answer = self.http.request(method, self.base_url + path, timeout=timeout, **options)
        if answer.status_code >= 400:
            raise ClientError(f"{answer.status_code} {answer.reason} for url: {answer.url}")
        return answer

    # Health and the version gate.

    def health(self):
        """(healthy, version triple)"""
        try:
            body = self._call("GET", "/health", 5).json()
        except (requests.RequestException, ValueError, ClientError):
            return False, (0, 0, 0)
        return body.get("status") == "ok", parse_version(body.get("version"))

    def supports_sessions(self):
        healthy, version = self.health()
        return healthy and version >= GATE

    # Files.

    def upload(self, content, name):
        answer = self._call("POST", "/v1/files", 30, files={"file": (name, content)})
        return answer.json()["file_id"]

    def download(self, file_id):
        return self._call("GET", f"/v1/files/{file_id}", 30).content

    def delete_file(self, file_id):
        self._call("DELETE", f"/v1/files/{file_id}", 10)

    # Executions.

    @staticmethod
    def _request(code, stdin, timeout_ms, files):
        body = {"code": code, "timeout_ms": timeout_ms}
        if stdin is not None:
            body["stdin"] = stdin
        if files:
            body["files"] = files
        return body

    def execute(self, code, stdin=None, timeout_ms=60000, files=None):
        body = self._request(code, stdin, timeout_ms, files)
        return read_result(
            self._call("POST", "/v1/execute", timeout_ms / 1000 + 10, json=body).json()
        )

    def execute_streaming(self, code, stdin=None, timeout_ms=60000, files=None, emit=None):
        """Emits each piece of output at once; falls back to `execute` on 404."""
        body = self._request(code, stdin, timeout_ms, files)
        answer = self.http.post(
            f"{self.base_url}/v1/execute/stream",
            json=body,
            stream=True,
            timeout=timeout_ms / 1000 + 10,
        )
        with answer:
            if answer.status_code == 404:
                return self.execute(code, stdin, timeout_ms, files)
            if answer.status_code >= 400:
                raise ClientError(f"{answer.status_code} for url: {answer.url}")
            return self._read_stream(answer, emit or (lambda stream, text: None))

    def _read_stream(self, answer, emit):
        parts = {"stdout": [], "stderr": []}
        result = None
        for name, payload in self._events(answer):
            if name == "output":
                stream = typed(payload, "stream", str)
                if stream not in parts:
                    raise ClientError(f"stream {stream}")
                text = typed(payload, "data", str)
                parts[stream].append(text)
                emit(stream, text)
            elif name == "error":
                raise ClientError(payload.get("message", "unknown error"))
            elif name == "result":
                if result is not None:
                    raise ClientError("two results")
                result = payload
        if result is None:
            raise ClientError("the stream ended without a result")
        return read_result(
            result,
            "".join(parts["stdout"])[:MAXIMUM_SHOWN],
            "".join(parts["stderr"])[:MAXIMUM_SHOWN],
        )

    @staticmethod
    def _events(answer):
        name, data = None, []
        for line in answer.iter_lines(decode_unicode=True):
            if line == "":
                if name and data:
                    yield name, json.loads("\n".join(data))
                name, data = None, []
            elif line.startswith("event:"):
                name = line[len("event:") :].strip()
            elif line.startswith("data:"):
                data.append(line[len("data:") :].removeprefix(" "))

    def collect(self, execution):
        """Downloads the produced files and deletes them from the store: {name: bytes}."""
        found = {}
        for entry in execution.files:
            if entry.kind == "file" and entry.file_id:
                try:
                    found[entry.path.rsplit("/", 1)[-1]] = self.download(entry.file_id)
                except ClientError:
                    continue
                self.delete_file(entry.file_id)
        return found

    # Sessions.

    def create_session(self, ttl_seconds, files=None):
        body = {"ttl_seconds": ttl_seconds}
        if files:
            body["files"] = files
        answer = self._call("POST", "/v1/sessions", 30, json=body).json()
        typed(answer, "expires_at", float, int)
        return typed(answer, "session_id", str)

    def delete_session(self, session_id):
        self._call("DELETE", f"/v1/sessions/{session_id}", 30)

    def bash(self, session_id, cmd, timeout_ms=60000):
        answer = self._call(
            "POST",
            f"/v1/sessions/{session_id}/bash",
            timeout_ms / 1000 + 10,
            json={"cmd": cmd, "timeout_ms": timeout_ms},
        )
        return read_result(answer.json() | {"files": []})
