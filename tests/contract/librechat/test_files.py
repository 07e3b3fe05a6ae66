"""Sections 4.1, 4.2, 4.5 and 4.6: listing, fetching, probing and deleting."""

import re
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote

import pytest

from contract.librechat.librechat_api import MISSING, UTC_TIME, check_error

FORMS = [None, "simple", "summary", "full", "normalized", "anything"]


def age(text):
    assert UTC_TIME.fullmatch(text), text
    return datetime.now(timezone.utc) - datetime.fromisoformat(text.replace("Z", "+00:00"))


# Listing.


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("detail", [None, "summary", "full", "anything"])
def test_list(chat, prefix, detail):
    """The superset of what P answers and what the first generations read."""
    entry = chat.upload("in put.csv", "a,b\n")
    query = {} if detail is None else {"detail": detail}
    answer = chat.get(f"{prefix}/files/{entry['session_id']}", params=query)
    assert answer.status_code == 200
    (listed,) = answer.json()
    session, name = listed["name"].split("/")
    assert session == entry["session_id"] and name.split(".")[0] == entry["id"]
    assert listed["size"] == 4
    assert timedelta(0) <= age(listed["lastModified"]) < timedelta(minutes=5)
    assert listed["metadata"]["original-filename"] == "in put.csv"
    assert "content-type" in listed["metadata"]


def test_list_normalized(chat):
    entry = chat.upload("in put.csv", "a,b\n")
    (listed,) = chat.list_files_of(entry["session_id"], detail="normalized")
    assert listed["id"] == entry["id"] and listed["name"] == "in put.csv"
    assert listed["storage_session_id"] == entry["session_id"]
    assert listed["size"] == 4 and UTC_TIME.fullmatch(listed["lastModified"])
    assert listed["contentType"].startswith("text/csv")


@pytest.mark.parametrize("detail", FORMS)
def test_unknown_session(chat, detail):
    assert chat.list_files_of(MISSING, **({"detail": detail} if detail else {})) == []


def test_queries_of_every_generation(chat):
    entry = chat.upload("f.txt", "x")
    for query in ({"entity_id": "a"}, {"kind": "user", "id": "u"}, {"_detail": "full"}):
        assert len(chat.list_files_of(entry["session_id"], **query)) == 1


def test_outputs_are_listed(chat):
    run = chat.bash("echo 1 > a.txt; mkdir d; echo 2 > d/b.txt").ok()
    listed = chat.list_files_of(run.session_id, detail="full")
    assert {e["metadata"]["original-filename"] for e in listed} == {"a.txt", "d/b.txt"}


def test_session_whose_id_the_caller_chose(chat):
    run = chat.bash("echo 1 > a.txt", session_id="conversation-7").ok()
    (listed,) = chat.list_files_of("conversation-7")
    assert listed["name"].startswith("conversation-7/" + run.file("a.txt")["id"])


@pytest.mark.parametrize("session", ["..", "a%2Fb", "%2e%2e", "a.b", "x" * 300])
def test_list_of_no_id(chat, session):
    assert chat.get(f"/files/{session}").status_code in (200, 400, 404, 422)


# Fetching.


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_download(chat, prefix):
    entry = chat.upload("in put.csv", "a,b\n")
    answer = chat.get(f"{prefix}/download/{entry['session_id']}/{entry['id']}")
    assert answer.status_code == 200 and answer.content == b"a,b\n"
    assert answer.headers["content-length"] == "4"
    assert 'filename="in put.csv"' in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["etag"] and answer.headers["last-modified"]


def test_download_with_queries(chat):
    entry = chat.upload("f.txt", "x")
    for params in ({"kind": "user", "id": "user-1"}, {"kind": "skill", "id": "s", "version": "2"}):
        assert chat.get_file(entry["session_id"], entry["id"], params=params).content == b"x"


@pytest.mark.parametrize("name", ["é.txt", "漢字/😀 .bin"])
def test_disposition_of_other_names(chat, name):
    entry = chat.upload(name, "x")
    header = chat.get_file(entry["session_id"], entry["id"]).headers["content-disposition"]
    extended = re.search(r"filename\*=UTF-8''([^;]+)", header)
    assert unquote(extended[1]) in (name, name.rsplit("/", 1)[-1])


def test_content_is_never_active(chat):
    """A page that a program made is not shown as one of the server's own."""
    run = chat.bash("echo '<script>1</script>' > page.html; echo '<svg/>' > p.svg").ok()
    for entry in run.files:
        headers = chat.get_file(entry["session_id"], entry["id"]).headers
        assert headers["content-disposition"].startswith("attachment")
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "session, file",
    [(MISSING, MISSING), ("..", ".."), ("%2e%2e", "%2e%2e"), ("a%2Fb", "c"), ("a.b", "c.d")],
)
def test_download_of_nothing(chat, session, file):
    answer = chat.get(f"/download/{session}/{file}")
    assert answer.status_code in (400, 404)


def test_download_by_another_session(chat):
    first, second = chat.upload("a.txt", "a"), chat.upload("b.txt", "b")
    check_error(chat.get_file(second["session_id"], first["id"]), 404, "File not found")


# Probing.


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_probe(chat, prefix):
    entry = chat.upload("in put.csv", "a,b\n")
    path = f"{prefix}/sessions/{entry['session_id']}/objects/{entry['id']}"
    answer = chat.get(path, params={"kind": "user", "id": "user-1"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["name"].startswith(f"{entry['session_id']}/{entry['id']}")
    assert body["originalFilename"] == "in put.csv"
    assert body["size"] == 4 and body["readOnly"] is False
    assert timedelta(0) <= age(body["lastModified"]) < timedelta(minutes=5)
    assert isinstance(body["etag"], str) and isinstance(body["contentType"], str)


def test_probe_of_a_read_only_file(chat):
    entry = chat.upload("s.md", "x", [("kind", "skill"), ("read_only", "true")])
    assert chat.probe(entry).json()["readOnly"] is True


def test_probe_of_nothing(chat):
    gone = {"session_id": MISSING, "id": MISSING}
    check_error(chat.probe(gone), 404, "File not found")


# Deleting.

DELETES = ["/sessions/{session}/objects/{file}", "/files/{session}/{file}"]


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("path", DELETES)
def test_delete(chat, prefix, path):
    entry = chat.upload("f.txt", "x")
    where = prefix + path.format(session=entry["session_id"], file=entry["id"])
    answer = chat.delete(where, params={"kind": "user", "id": "user-1"})
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "message": "File deleted successfully",
        "session_id": entry["session_id"],
        "storage_session_id": entry["session_id"],
        "fileId": entry["id"],
    }
    check_error(chat.delete(where), 404)
    check_error(chat.probe(entry), 404)
    check_error(chat.get_file(entry["session_id"], entry["id"]), 404)
    assert chat.list_files_of(entry["session_id"]) == []
    assert chat.post_exec(lang="bash", code="ls", files=[entry]).status_code == 404


@pytest.mark.parametrize("path", DELETES)
def test_delete_of_nothing(chat, path):
    check_error(chat.delete(path.format(session=MISSING, file=MISSING)), 404)


def test_deleted_file_of_a_session_is_gone_from_its_next_run(chat):
    run = chat.bash("echo 1 > a.txt; echo 2 > b.txt").ok()
    entry = run.file("a.txt")
    assert chat.delete(f"/files/{run.session_id}/{entry['id']}").status_code == 200
    assert chat.bash("ls", session_id=run.session_id).ok().stdout == "b.txt\n"


def test_ids_have_the_form_that_librechat_admits(chat):
    run = chat.bash("for i in 1 2 3 4 5 6 7 8; do echo $i > f$i; done").ok()
    ids = [e["id"] for e in run.files]
    assert len(set(ids)) == 8
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{21}", i) for i in [*ids, run.session_id])


def test_one_path_of_two_dialects(chat):
    """GET /v1/files/{id}: a session of this dialect, or a file of another one."""
    entry = chat.upload("f.txt", "x")
    assert isinstance(chat.get(f"/v1/files/{entry['session_id']}").json(), list)
    other = chat.post("/v1/files", files={"file": ("o.txt", b"onyx")})
    assert other.status_code == 201, other.text
    assert chat.get(f"/v1/files/{other.json()['file_id']}").content == b"onyx"
