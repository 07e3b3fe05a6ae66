"""Section 5: the proxy's own routes below /v1/librechat, and the health of both surfaces."""

import uuid
from datetime import datetime

import pytest

from contract.librechat.librechat_api import (
    MISSING,
    NANOID,
    check_error,
    check_no_route,
    file_part,
    text_part,
)
from harness.client import multipart


def post_run(chat, **body):
    return chat.proxy("POST", "/runs", json=body)


def run(chat, code, **fields):
    fields = {"session_id": "chat-42", "language": "python"} | fields
    answer = post_run(chat, code=code, **fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def post_file(chat, session, name, data):
    body, content_type = multipart([text_part("session_id", session), file_part(name, data)])
    return chat.proxy("POST", "/files", data=body, headers={"Content-Type": content_type})


def check_metadata(entry, name, size):
    assert NANOID.fullmatch(entry["id"]) and entry["name"] == name
    assert entry["size_bytes"] == size and "/" in entry["mime_type"]
    datetime.fromisoformat(entry["created_at"].removesuffix("Z"))


# Runs.


def test_answer_exactly(chat):
    body = run(chat, "print(42)\nopen('out.json', 'w').write('{}')")
    assert list(body) == [
        "run_id",
        "session_id",
        "language",
        "stdout",
        "stderr",
        "exit_code",
        "stats",
        "files",
    ]
    assert str(uuid.UUID(body["run_id"])) == body["run_id"]
    assert (body["session_id"], body["language"]) == ("chat-42", "python")
    assert (body["stdout"], body["stderr"], body["exit_code"]) == ("42\n", "", 0)
    stats = body["stats"]
    assert set(stats) == {"cpu_time_seconds", "memory_bytes", "wall_time_seconds"}
    assert stats["wall_time_seconds"] > 0 and stats["memory_bytes"] > 1 << 20
    (entry,) = body["files"]
    check_metadata(entry, "out.json", 2)
    assert entry["mime_type"] == "application/json"
    assert entry["width"] is entry["height"] is entry["dpi"] is None


def test_plot_has_its_size(chat):
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    (entry,) = run(chat, code, session_id="plots")["files"]
    assert entry["width"] > 100 and entry["height"] > 100 and entry["dpi"] >= 50


def test_failure(chat):
    body = run(chat, "1 / 0")
    assert body["exit_code"] == 1 and "ZeroDivisionError" in body["stderr"]


def test_args(chat):
    assert run(chat, "import sys\nprint(sys.argv[1:])", args=["a b"])["stdout"] == "['a b']\n"


def test_timeout_is_408(chat):
    answer = post_run(
        chat, session_id="s", language="python", code="while True: pass", timeout_seconds=1
    )
    check_error(answer, 408, "Execution timed out")


@pytest.mark.parametrize("language", ["py", "Python", "cobol", "js", ""])
def test_language_has_to_be_exact(chat, language):
    """The proxy refused aliases; taking one is harmless, failing in another way is not."""
    answer = post_run(chat, session_id="s", language=language, code="1")
    if answer.status_code == 201:
        assert language in ("py", "Python", "js")
    else:
        check_error(answer, answer.status_code)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("timeout", [0, 301, -1, "x", 1.5])
def test_bounds_of_the_timeout(chat, timeout):
    answer = post_run(chat, session_id="s", language="python", code="1", timeout_seconds=timeout)
    check_error(answer, 422)


@pytest.mark.parametrize("missing", ["session_id", "language", "code"])
def test_missing_field(chat, missing):
    body = {"session_id": "s", "language": "python", "code": "1"}
    del body[missing]
    found = check_error(post_run(chat, **body), 422)
    assert [entry["loc"] for entry in found["detail"]] == [["body", missing]]


def test_every_language_of_the_proxy(full):
    """Its README promises six; two of them worked."""
    programs = {
        "python": "print('hi')",
        "javascript": "console.log('hi')",
        "java": 'class A { public static void main(String[] a) { System.out.println("hi"); } }',
        "cpp": '#include <cstdio>\nint main() { puts("hi"); }',
        "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("hi") }',
        "r": "cat('hi\\n')",
    }
    for language, code in programs.items():
        body = run(full, code, session_id="six", language=language)
        assert (body["stdout"], body["exit_code"]) == ("hi\n", 0), (language, body)


def test_files_of_a_session(chat):
    ids = [post_file(chat, "inputs", f"f{i}", b"%d" % i).json()["file"]["id"] for i in range(3)]
    body = run(
        chat, "import os\nprint(sorted(os.listdir()))", session_id="inputs", files=ids[:2] * 2
    )
    assert "'f0', 'f1'" in body["stdout"] and body["files"] == []


def test_unknown_file(chat):
    answer = post_run(chat, session_id="s", language="python", code="1", files=[MISSING])
    check_error(answer, 404)


def test_file_of_another_session(chat):
    made = post_file(chat, "one-session", "f", b"x").json()["file"]["id"]
    answer = post_run(chat, session_id="another", language="python", code="1", files=[made])
    check_error(answer, 404)


def test_too_many_files(chat):
    ids = [post_file(chat, "many", f"f{i}", b"x").json()["file"]["id"] for i in range(11)]
    answer = post_run(chat, session_id="many", language="python", code="1", files=ids)
    check_error(answer, 400, "Too many files requested for run. Max allowed: 10")
    assert run(chat, "1", session_id="many", files=ids[:10])["exit_code"] == 0


# Files.


def test_upload(chat):
    answer = post_file(chat, "uploads", "tä st.csv", b"a,b\n")
    assert answer.status_code == 201
    entry = answer.json()["file"]
    assert list(answer.json()) == ["file"] and entry["session_id"] == "uploads"
    check_metadata(entry, "tä st.csv", 4)
    assert entry["mime_type"].startswith("text/csv")


def test_list(chat):
    made = post_file(chat, "listing", "a.txt", b"12").json()["file"]
    body = chat.proxy("GET", "/files", params={"session_id": "listing"}).json()
    assert body["session_id"] == "listing" and body["total"] == 1
    check_metadata(body["files"][0], "a.txt", 2)
    assert body["files"][0]["id"] == made["id"]


def test_list_of_nothing(chat):
    body = chat.proxy("GET", "/files", params={"session_id": "never-seen"}).json()
    assert body == {"session_id": "never-seen", "files": [], "total": 0}
    check_error(chat.proxy("GET", "/files"), 422)


def test_download(chat):
    made = post_file(chat, "fetching", "a b.json", b"{}").json()["file"]
    answer = chat.proxy("GET", f"/files/{made['id']}")
    assert answer.status_code == 200 and answer.content == b"{}"
    assert answer.headers["content-type"].startswith("application/json")
    assert 'filename="a b.json"' in answer.headers["content-disposition"]
    assert answer.headers["x-session-id"] == "fetching"


def test_delete(chat):
    made = post_file(chat, "deleting", "a.txt", b"x").json()["file"]
    answer = chat.proxy("DELETE", f"/files/{made['id']}")
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "File deleted"}
    for method in ("GET", "DELETE"):
        check_error(chat.proxy(method, f"/files/{made['id']}"), 404, "File not found")


def test_too_large(chat_factory):
    chat = chat_factory(CI_MAX_FILE_SIZE_BYTES=1000)
    answer = post_file(chat, "s", "f", b"x" * 1001)
    check_error(answer, 400, "File too large. Max size: 1000 bytes")


def test_session_is_full(chat_factory):
    chat = chat_factory(CI_MAX_FILES_PER_SESSION=2)
    for i in range(2):
        assert post_file(chat, "s", f"f{i}", b"x").status_code == 201
    check_error(post_file(chat, "s", "f2", b"x"), 400, "Session has too many files. Max: 2")


def test_files_without_a_session(chat):
    body, content_type = multipart([file_part("f", b"x")])
    answer = chat.proxy("POST", "/files", data=body, headers={"Content-Type": content_type})
    check_error(answer, 422)


def test_both_surfaces_share_one_store(chat):
    body = run(chat, "open('a.txt', 'w').write('1')", session_id="shared")
    assert chat.bash("cat a.txt", session_id="shared").ok().stdout == "1"
    file_id = body["files"][0]["id"]
    assert chat.get_file("shared", file_id).content == b"1"
    entry = chat.bash("echo 2 > b.txt", session_id="shared").ok().file("b.txt")
    assert chat.proxy("GET", f"/files/{entry['id']}").content == b"2\n"
    names = chat.proxy("GET", "/files", params={"session_id": "shared"}).json()["files"]
    assert {entry["name"] for entry in names} == {"a.txt", "b.txt"}


# Health.


def test_health_of_the_proxy(chat):
    body = chat.proxy("GET", "/health").json()
    assert body["status"] == "ok" and isinstance(body["backend"], str)
    assert {"python", "javascript", "bash"} <= set(body["languages"])


def test_health(chat):
    body = chat.get("/health").json()
    assert body["status"] == "ok"


def test_prefix(chat_factory):
    chat = chat_factory(CI_API_PREFIX="/other/place")
    assert chat.get("/other/place/health").json()["status"] == "ok"
    assert chat.get("/v1/librechat/health").status_code == 404


@pytest.mark.parametrize(
    "method, path", [("PUT", "/runs"), ("GET", "/runs"), ("POST", "/sessions")]
)
def test_wrong_method(chat, method, path):
    check_no_route(chat.proxy(method, path), 405, "Method Not Allowed")
