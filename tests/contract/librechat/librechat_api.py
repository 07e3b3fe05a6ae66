"""A thin client of the LibreChat surface that checks the shape of every answer it hands out."""

import re
from types import SimpleNamespace
from urllib.parse import quote

from harness.client import Api, multipart

KEY = "test-key-of-the-suite"
NANOID = re.compile(r"[A-Za-z0-9_-]{21}")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
MISSING = "0123456789abcdefghijk"


class Run(SimpleNamespace):
    """The 200 answer of /exec, by attribute."""

    @property
    def names(self):
        return sorted(entry["name"] for entry in self.files)

    @property
    def new_names(self):
        return sorted(entry["name"] for entry in self.files if not entry.get("inherited"))

    def file(self, name):
        found = [entry for entry in self.files if entry["name"] == name]
        assert len(found) == 1, (name, self.files)
        return found[0]

    def ok(self):
        assert self.exit_code == 0, vars(self)
        return self

    def failed(self):
        assert self.exit_code != 0, vars(self)
        return self


def check_run(body):
    assert NANOID.fullmatch(body["session_id"]) or len(body["session_id"]) != 21, body
    assert isinstance(body["stdout"], str) and isinstance(body["stderr"], str), body
    assert type(body["exit_code"]) is int, body
    assert isinstance(body["files"], list), body
    for entry in body["files"]:
        check_file(entry, body["session_id"])
    names = [entry["name"] for entry in body["files"]]
    assert len(names) == len(set(names)), names
    assert isinstance(body.get("deleted_files", []), list)
    return Run(**body)


def check_file(entry, run_session):
    assert NANOID.fullmatch(entry["id"]), entry
    assert entry["session_id"] == entry["storage_session_id"], entry
    assert entry["name"] and not entry["name"].startswith("/"), entry
    assert entry.get("inherited", True) is True, entry
    if not entry.get("inherited"):
        assert entry["session_id"] == run_session, (entry, run_session)
    if "modified_from" in entry:
        before = entry["modified_from"]
        assert NANOID.fullmatch(before["id"]) and before["storage_session_id"], entry
        assert before["session_id"] == before["storage_session_id"], entry
        assert before["id"] != entry["id"], entry


def check_no_route(answer, status, detail):
    """A path of this dialect that no route fits."""
    assert answer.status_code == status, answer.text
    assert answer.json() == {"detail": detail, "error": detail}, answer.text


def check_error(answer, status, detail=None):
    """The body of an error suits readers of either dialect."""
    assert answer.status_code == status, (answer.status_code, answer.text[:2000])
    body = answer.json()
    assert isinstance(body["error"], str) and body["error"], body
    if status == 422:
        assert isinstance(body["detail"], list), body
        for entry in body["detail"]:
            assert {"type", "loc", "msg"} <= set(entry), entry
    elif status != 429:
        assert body["detail"] == body["error"], body
    if detail is not None:
        assert body["detail"] == detail, body
    return body


def reference(entry, name=None, generation=7):
    """A file of an answer as a client of that generation refers to it."""
    made = {"id": entry["id"], "name": name or entry["name"]}
    if generation >= 4:
        session = entry.get("storage_session_id") or entry["session_id"]
        return made | {"storage_session_id": session, "resource_id": "user-1", "kind": "user"}
    return made | {"session_id": entry["session_id"]}


def file_part(name, data, field="file"):
    raw = name.encode() if isinstance(name, str) else name
    return b'form-data; name="' + field.encode() + b'"; filename="' + raw + b'"', data


def text_part(field, value):
    return f'form-data; name="{field}"'.encode(), value.encode()


class LibreChatApi(Api):
    """Requests carry the key unless told otherwise."""

    def __init__(self, base_url, prefix="", key=KEY, timeout=150):
        super().__init__(base_url, timeout)
        self.prefix = prefix
        if key is not None:
            self.http.headers["x-api-key"] = key
        self.http.headers["User-Agent"] = "LibreChat/1.0"

    # Runs.

    def post_exec(self, **body):
        return self.post(self.prefix + "/exec", json=body)

    def exec(self, lang, code, **fields):
        answer = self.post_exec(lang=lang, code=code, **fields)
        assert answer.status_code == 200, (answer.status_code, answer.text[:2000])
        assert answer.headers["content-type"] == "application/json"
        return check_run(answer.json())

    def python(self, code, **fields):
        return self.exec("py", code, **fields)

    def bash(self, code, **fields):
        return self.exec("bash", code, **fields)

    # Files.

    def post_upload(self, parts, path="/upload", **options):
        body, content_type = multipart(parts)
        headers = {"Content-Type": content_type, "User-Id": "user-1"}
        return self.post(self.prefix + path, data=body, headers=headers, **options)

    def upload(self, name, data, fields=()):
        """One uploaded file as an entry: id, name, session_id, storage_session_id."""
        data = data.encode() if isinstance(data, str) else data
        parts = [text_part(*pair) for pair in fields] + [file_part(name, data)]
        answer = self.post_upload(parts)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["message"] == "success", body
        assert NANOID.fullmatch(body["session_id"]), body
        assert body["storage_session_id"] == body["session_id"], body
        (made,) = body["files"]
        assert NANOID.fullmatch(made["fileId"]) and made["filename"] == name, body
        session = body["session_id"]
        return {
            "id": made["fileId"],
            "name": name,
            "session_id": session,
            "storage_session_id": session,
        }

    def get_file(self, session, file, **options):
        return self.get(f"{self.prefix}/download/{quote(session)}/{quote(file)}", **options)

    def fetch(self, entry):
        """The bytes of an entry of an answer."""
        answer = self.get_file(entry["session_id"], entry["id"])
        assert answer.status_code == 200, answer.text
        return answer.content

    def produced(self, run, name):
        return self.fetch(run.file(name))

    def list_files_of(self, session, **query):
        answer = self.get(f"{self.prefix}/files/{session}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def probe(self, entry):
        path = f"{self.prefix}/sessions/{entry['session_id']}/objects/{entry['id']}"
        return self.get(path, params={"kind": "user", "id": "user-1"})

    # The proxy's own routes.

    def proxy(self, method, path, **options):
        return self.request(method, "/v1/librechat" + path, **options)
