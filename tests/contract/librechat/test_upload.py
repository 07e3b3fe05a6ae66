"""Sections 4.3, 4.4, 4.7 and 4.8: uploads, one and many, in every shape of body."""

import pytest

from contract.librechat.librechat_api import (
    KEY,
    NANOID,
    check_error,
    file_part,
    reference,
    text_part,
)
from harness.client import multipart
from harness.raw import RawConnection

IDENTITY = [("kind", "user"), ("id", "user-1")]


def test_answer_exactly(chat):
    body = chat.post_upload([file_part("input.csv", b"a,b\n")]).json()
    assert body == {
        "message": "success",
        "session_id": body["session_id"],
        "storage_session_id": body["session_id"],
        "files": [{"fileId": body["files"][0]["fileId"], "filename": "input.csv"}],
    }
    assert NANOID.fullmatch(body["session_id"])
    assert NANOID.fullmatch(body["files"][0]["fileId"])


@pytest.mark.parametrize("path", ["/upload", "/v1/upload"])
@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("entity_id", "agent_1")],
        IDENTITY,
        [("kind", "agent"), ("id", "agent_1")],
        [("kind", "skill"), ("id", "s"), ("version", "3"), ("read_only", "true")],
        [("unknown", "x")],
    ],
    ids=str,
)
def test_identity_of_every_generation(chat, path, fields):
    parts = [text_part(*pair) for pair in fields] + [file_part("f.txt", b"x")]
    assert chat.post_upload(parts, path).json()["message"] == "success"


def test_fields_after_the_file(chat):
    parts = [file_part("f.txt", b"x")] + [text_part(*pair) for pair in IDENTITY]
    assert chat.post_upload(parts).json()["message"] == "success"


def test_each_upload_is_a_session_of_its_own(chat):
    assert len({chat.upload("same.txt", "x")["session_id"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\r\n", b"\r\n--cloister-test-boundar", bytes(range(256)) * 8000]
)
def test_bytes_survive(chat, data):
    assert chat.fetch(chat.upload("f.bin", data)) == data


NAMES = [
    "plain.txt",
    "with space.csv",
    "a+b.txt",
    "ü-報告.md",
    "😀.png",
    "percent%20%2F.txt",
    "skills/report/SKILL.md",
    "skills/a b/ü-報告.md",
    ".hidden",
    "no-extension",
    "quote'.txt",
    "semi;x=y.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept(chat, name):
    entry = chat.upload(name, "text")
    without = {"id": entry["id"], "storage_session_id": entry["session_id"]}
    code = f"print(open({'/mnt/data/' + name!r}).read())"
    assert chat.python(code, files=[without]).ok().stdout == "text\n"


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "..", "a/../../b", "a//b"])
def test_names_that_would_leave_the_folder(chat, name):
    answer = chat.post_upload([file_part(name, b"x")])
    if answer.status_code == 200:
        (made,) = answer.json()["files"]
        ref = {"id": made["fileId"], "session_id": answer.json()["session_id"]}
        run = chat.bash("find . -type f", files=[ref]).ok()
        assert ".." not in run.stdout.replace("./", "", 1)
    else:
        check_error(answer, answer.status_code)
        assert answer.status_code in (400, 422)


def test_several_files_in_one_upload(chat):
    parts = [file_part(f"f{i}.txt", b"%d" % i) for i in range(3)]
    body = chat.post_upload(parts).json()
    assert [f["filename"] for f in body["files"]] == ["f0.txt", "f1.txt", "f2.txt"]
    refs = [{"id": f["fileId"], "session_id": body["session_id"]} for f in body["files"]]
    assert chat.bash("cat f?.txt", files=refs).ok().stdout == "012"


def test_field_named_files(chat):
    body = chat.post_upload([file_part("f.txt", b"x", "files")]).json()
    assert body["message"] == "success"


def test_no_file(chat):
    check_error(chat.post_upload([text_part("kind", "user")]), 422)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/mixed"])
def test_not_multipart(chat, content_type):
    answer = chat.post("/upload", data=b"{}", headers={"Content-Type": content_type})
    check_error(answer, 400)


def test_multipart_without_a_boundary(chat):
    answer = chat.post("/upload", data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert answer.status_code in (400, 422)


def test_body_that_ends_early(chat):
    body, content_type = multipart([file_part("f.txt", b"x" * 1000)])
    answer = chat.post("/upload", data=body[:-20], headers={"Content-Type": content_type})
    assert answer.status_code in (400, 422)


def test_chunked_in_single_bytes(chat_server):
    """A plain stream has no length: the boundary falls into chunks at every place."""
    body, content_type = multipart(
        [text_part("kind", "user"), file_part("ü.txt", b"\r\n--cloister-test data")]
    )
    with RawConnection(chat_server.port) as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        head += f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())
        connection.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        answer = connection.read_answer()
    assert answer.status == 200, answer.body
    assert '"ü.txt"' in answer.body.decode()


def test_too_large(chat_factory):
    chat = chat_factory(CI_MAX_FILE_SIZE_BYTES=1000)
    chat.upload("fits.bin", b"x" * 1000)
    check_error(
        chat.post_upload([file_part("f.bin", b"x" * 1001)]), 413, "File size limit exceeded"
    )


def test_size_of_the_documented_default(chat):
    """Ten MiB and not a byte more."""
    chat.upload("fits.bin", bytes(10 << 20))
    check_error(chat.post_upload([file_part("f.bin", bytes((10 << 20) + 1))]), 413)


def test_nothing_is_left_of_a_refused_upload(chat_factory):
    chat = chat_factory(CI_MAX_FILE_SIZE_BYTES=1000)
    before = chat.metrics()
    for _ in range(5):
        chat.post_upload([file_part("f.bin", b"x" * 5000)])
    after = chat.metrics()
    stored = [name for name in before if "file" in name and "bytes" in name and "stored" in name]
    assert all(after[name] == before[name] for name in stored)
    files = [p for p in (chat.server.state_dir / "files").rglob("*") if p.is_file()]
    assert not [p for p in files if p.stat().st_size >= 1000], files


# Batches.


def batch(chat, files, fields=IDENTITY):
    parts = [text_part(*pair) for pair in fields] + [file_part(n, d) for n, d in files]
    return chat.post_upload(parts, "/upload/batch")


def test_batch(chat):
    names = [f"skills/tax/part {i}/ü.md" for i in range(20)]
    answer = batch(chat, [(name, name.encode()) for name in names])
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["message"] == "success"
    assert (body["succeeded"], body["failed"]) == (20, 0)
    assert body["storage_session_id"] == body["session_id"]
    assert [f["filename"] for f in body["files"]] == names
    assert {f["status"] for f in body["files"]} == {"success"}
    refs = [
        reference({"id": f["fileId"], "name": f["filename"], "session_id": body["session_id"]})
        for f in body["files"]
    ]
    run = chat.bash("find skills -type f | wc -l; cat 'skills/tax/part 7/ü.md'", files=refs).ok()
    assert run.stdout.split("\n") == ["20", names[7]]


def test_batch_in_part(chat_factory):
    chat = chat_factory(CI_MAX_FILE_SIZE_BYTES=1000)
    body = batch(chat, [("a.md", b"x"), ("huge.bin", b"x" * 2000), ("b.md", b"y")]).json()
    assert body["message"] == "partial_success"
    assert (body["succeeded"], body["failed"]) == (2, 1)
    assert [f["status"] for f in body["files"]] == ["success", "error", "success"]
    failed = body["files"][1]
    assert failed == {"status": "error", "filename": "huge.bin", "error": failed["error"]}
    assert failed["error"] == "File size limit exceeded"


def test_batch_that_fails_as_a_whole(chat_factory):
    chat = chat_factory(CI_MAX_FILE_SIZE_BYTES=10)
    answer = batch(chat, [("a.md", b"x" * 20), ("b.md", b"x" * 20)])
    assert answer.status_code == 400
    body = answer.json()
    assert body["message"] == "error" and (body["succeeded"], body["failed"]) == (0, 2)


def test_empty_batch(chat):
    check_error(batch(chat, []), 400, "No files provided")


def test_batch_beyond_the_files_of_a_session(chat_factory):
    chat = chat_factory(CI_MAX_FILES_PER_SESSION=3)
    body = batch(chat, [(f"f{i}.md", b"x") for i in range(5)]).json()
    assert (body["succeeded"], body["failed"]) == (3, 2)
    assert body["message"] == "partial_success"
