"""Sections 3.4 and 11: what is refused, and how."""

import pytest

from contract.librechat.librechat_api import MISSING, check_error, check_no_route


def test_unknown_language(chat):
    body = check_error(chat.post_exec(lang="Cobol", code="x"), 400)
    assert body["detail"] == "Language 'Cobol' is not supported by the sandbox"


def test_language_that_the_image_lacks(chat):
    """The default image has no compilers; the message says how to add one."""
    body = check_error(chat.post_exec(lang="rs", code="fn main() {}"), 400)
    text = body["detail"]
    assert "'rs'" in text and "image build full" in text and "rustc" in text, text


@pytest.mark.parametrize(
    "body, where",
    [
        ({}, ["lang", "code"]),
        ({"lang": "py"}, ["code"]),
        ({"code": "1"}, ["lang"]),
        ({"lang": 1, "code": "1"}, ["lang"]),
        ({"lang": "py", "code": 1}, ["code"]),
        ({"lang": "py", "code": None}, ["code"]),
        ({"lang": "py", "code": "1", "args": [1]}, ["args"]),
        ({"lang": "py", "code": "1", "args": {}}, ["args"]),
        ({"lang": "py", "code": "1", "files": "x"}, ["files"]),
        ({"lang": "py", "code": "1", "files": [1]}, ["files"]),
        ({"lang": "py", "code": "1", "files": [{}]}, ["files"]),
        ({"lang": "py", "code": "1", "timeout": "soon"}, ["timeout"]),
        ({"lang": "py", "code": "1", "session_id": 7}, ["session_id"]),
    ],
    ids=str,
)
def test_wrong_fields(chat, body, where):
    answer = check_error(chat.post("/exec", json=body), 422)
    found = {entry["loc"][1] for entry in answer["detail"]}
    assert found == set(where), answer
    assert all(entry["loc"][0] == "body" for entry in answer["detail"])


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'"x"', b"null", b"\xff\xfe"])
def test_body_that_is_no_object(chat, data):
    answer = chat.post("/exec", data=data, headers={"Content-Type": "application/json"})
    check_error(answer, 422 if data != b"\xff\xfe" else answer.status_code)
    assert answer.status_code in (400, 422)


def test_unknown_reference_runs_nothing(chat):
    session = "never-run-" + MISSING
    answer = chat.post_exec(
        lang="bash",
        code="touch ran",
        session_id=session,
        files=[{"id": MISSING, "session_id": "S1", "name": "in.csv"}],
    )
    check_error(answer, 404, f"File '{MISSING}' not found for session 'S1'")
    assert chat.list_files_of(session) == []


def test_reference_without_a_session_is_of_the_present_one(chat):
    run = chat.bash("echo 1 > a.txt").ok()
    entry = {"id": run.file("a.txt")["id"]}
    again = chat.bash("cat a.txt", session_id=run.session_id, files=[entry])
    assert again.ok().stdout == "1\n"


def test_reference_of_another_session(chat):
    run = chat.bash("echo 1 > a.txt").ok()
    entry = dict(run.file("a.txt"), session_id="other", storage_session_id="other")
    answer = chat.post_exec(lang="bash", code="1", files=[entry])
    check_error(answer, 404, f"File '{entry['id']}' not found for session 'other'")


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../b", "./a", "a//b", "", "a/", "a\0b", "x" * 257, "d/" * 11 + "f"],
)
def test_destination_that_is_no_relative_path(chat, name):
    entry = chat.upload("in.txt", "x") | {"name": name}
    answer = chat.post_exec(lang="bash", code="ls -R", files=[entry])
    if answer.status_code == 200:  # Where it means the same as a proper path.
        assert name in ("", "./a") and answer.json()["exit_code"] == 0
        assert answer.json()["stdout"].split() == [".:", {"": "in.txt", "./a": "a"}[name]]
    else:
        check_error(answer, answer.status_code)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method(chat, method):
    check_no_route(chat.request(method, "/exec"), 405, "Method Not Allowed")


@pytest.mark.parametrize("path", ["/exec/x", "/v1/librechat/nothing", "/v1/librechat", "/uploads"])
def test_unknown_path(chat, path):
    check_no_route(chat.get(path), 404, "Not Found")


def test_too_large_a_body(chat):
    answer = chat.post_exec(lang="py", code="#" * (60 << 20))
    check_error(answer, 413)
