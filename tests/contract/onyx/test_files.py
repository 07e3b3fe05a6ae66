"""Section 5: the file store."""

import re
import threading
import time
import uuid
from urllib.parse import unquote

import pytest

from harness.client import is_file_id, multipart
from harness.raw import RawConnection
from harness.waiting import wait_until

MIB = 1 << 20
MISSING = "5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a59"


def post_parts(api, parts):
    body, content_type = multipart(parts)
    return api.post("/v1/files", data=body, headers={"Content-Type": content_type})


def file_part(name, data=b"data"):
    raw = name.encode() if isinstance(name, str) else name
    return b'form-data; name="file"; filename="' + raw + b'"', data


def test_upload_answer_exactly(api):
    answer = post_parts(api, [file_part("a b.txt", b"12345")])
    assert answer.status_code == 201
    file_id = answer.json()["file_id"]
    assert is_file_id(file_id)
    assert answer.text == f'{{"file_id":"{file_id}","filename":"a b.txt","size_bytes":5}}'


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\r\n", b"x--cloister-test-boundary", b"\r\n--other", bytes(range(256)) * 999],
)
def test_bytes_survive(api, data):
    file_id = post_parts(api, [file_part("f", data)]).json()["file_id"]
    answer = api.get(f"/v1/files/{file_id}")
    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(data))


def test_ids_are_random(api):
    assert len({api.upload(b"same", "same") for _ in range(20)}) == 20


NAMES = [
    "plain.txt",
    "with space.csv",
    "dir/sub/name.txt",
    "back\\slash",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "percent%20name%2F.txt",
    "\u00e9\u6f22\U0001f600.txt",
    "semi;colon=x.txt",
    "'single'.txt",
    ".hidden",
    "no-extension",
    "a" * 300,
    "line\u2028separator",
]


@pytest.mark.parametrize("name", NAMES)
def test_name_is_kept_exactly(api, name):
    answer = post_parts(api, [file_part(name)])
    assert answer.status_code == 201, answer.text
    assert answer.json()["filename"] == name
    file_id = answer.json()["file_id"]
    assert api.list_files()[file_id]["filename"] == name
    assert api.download(file_id) == b"data"


def test_empty_name_becomes_unnamed(api):
    assert post_parts(api, [file_part("")]).json()["filename"] == "unnamed"


@pytest.mark.parametrize("name", ["plain.txt", "with space.csv", "d/e.txt", "percent%41.txt"])
def test_disposition_of_ascii_names(api, name):
    file_id = api.upload(b"x", name)
    header = api.get(f"/v1/files/{file_id}").headers["content-disposition"]
    assert header == f'attachment; filename="{name}"'


@pytest.mark.parametrize("name", ["\u00e9.txt", "\u6f22\u5b57/\U0001f600 .bin"])
def test_disposition_of_other_names(api, name):
    file_id = post_parts(api, [file_part(name)]).json()["file_id"]
    answer = api.get(f"/v1/files/{file_id}")
    assert answer.status_code == 200
    header = answer.headers["content-disposition"]
    extended = re.search(r"filename\*=UTF-8''([^;]+)", header)
    assert header.startswith("attachment;") and extended
    assert unquote(extended[1]) == name


@pytest.mark.parametrize("name", ["a\nb", "a\rb: x", 'q"x', "tab\tname"])
def test_produced_names_cannot_split_headers(api, name):
    outcome = api.execute(f"open({name!r}, 'w').write('x')").ok()
    answer = api.get(f"/v1/files/{outcome.files[0]['file_id']}")
    assert answer.status_code == 200
    assert answer.content == b"x"
    header = answer.headers["content-disposition"]
    assert "\n" not in header and "\r" not in header
    assert header.startswith("attachment;")


def test_part_may_have_a_content_type_of_any_kind(api):
    body = (
        b"--b\r\nContent-Type: application/json\r\nX-Other: 1\r\n"
        b'Content-Disposition: form-data; filename="n"; name="file"\r\n\r\n{}\r\n--b--\r\n'
    )
    answer = api.post(
        "/v1/files", data=body, headers={"Content-Type": 'multipart/form-data; boundary="b"'}
    )
    assert answer.status_code == 201, answer.text
    assert api.download(answer.json()["file_id"]) == b"{}"


def test_last_of_several_parts_counts(api):
    answer = post_parts(
        api,
        [
            file_part("first", b"1"),
            (b'form-data; name="other"; filename="o"', b"2"),
            file_part("last", b"333"),
            (b'form-data; name="text"', b"4"),
        ],
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["filename"], body["size_bytes"]) == ("last", 3)
    assert api.download(body["file_id"]) == b"333"


def missing_part():
    return {
        "detail": [
            {"type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": None}
        ]
    }


def test_part_absent(api):
    assert_missing(post_parts(api, [(b'form-data; name="other"; filename="o"', b"2")]))
    assert_missing(api.post("/v1/files"))
    assert_missing(api.post("/v1/files", json={"file": "x"}))
    assert_missing(api.post("/v1/files", data=b"x", headers={"Content-Type": "text/plain"}))


def assert_missing(answer):
    assert (answer.status_code, answer.json()) == (422, missing_part())


def test_form_field_without_a_file_name(api):
    answer = post_parts(api, [(b'form-data; name="file"', b"text")])
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [
            {
                "type": "value_error",
                "loc": ["body", "file"],
                "msg": "Value error, Expected UploadFile, received: <class 'str'>",
                "input": "text",
                "ctx": {"error": {}},
            }
        ]
    }


def test_missing_boundary(api):
    answer = api.post("/v1/files", data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Missing boundary in multipart."},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"no delimiter at all",
        b"--b\r\nContent-Disposition form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncut o',
        b"--b",
    ],
)
def test_broken_multipart(api, body):
    answer = api.post(
        "/v1/files", data=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in (400, 422), answer.text
    if answer.status_code == 400:
        assert answer.json() == {"detail": "There was an error parsing the body"}
    else:
        assert answer.json() == missing_part()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "file_id, shown",
    [
        (MISSING, MISSING),
        (MISSING.upper(), MISSING.upper()),
        ("nothing", "nothing"),
        ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", None),
        ("..%5c..", None),
        ("%00", None),
        ("a" * 5000, "a" * 5000),
    ],
)
def test_unknown_id(api, method, file_id, shown):
    answer = api.request(method, f"/v1/files/{file_id}")
    assert answer.status_code == 404
    if shown:
        assert answer.json() == {"detail": f"File with ID '{shown}' not found"}


def test_list_shape(api):
    before = time.time()
    file_id = api.upload(b"12", "listed.txt")
    entry = api.list_files()[file_id]
    assert list(entry) == ["file_id", "filename", "size_bytes", "upload_time"]
    assert entry["filename"] == "listed.txt" and entry["size_bytes"] == 2
    assert isinstance(entry["upload_time"], float)
    assert before - 5 < entry["upload_time"] < time.time() + 5


def test_delete(api):
    file_id = api.upload(b"x")
    answer = api.delete(f"/v1/files/{file_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.delete(f"/v1/files/{file_id}").status_code == 404
    assert api.get(f"/v1/files/{file_id}").status_code == 404
    assert file_id not in api.list_files()


def test_exactly_the_limit_passes_and_comes_back(api):
    data = bytes(MIB) * 99 + b"e" * MIB
    file_id = api.upload(data, "limit.bin")
    answer = api.get(f"/v1/files/{file_id}")
    assert len(answer.content) == 100 * MIB
    assert answer.content[-MIB:] == b"e" * MIB
    api.delete(f"/v1/files/{file_id}")


@pytest.mark.parametrize("size", [100 * MIB + 1, 101 * MIB])
def test_above_the_limit_is_a_readable_413(api, size):
    before = set(api.list_files())
    answer = api.post("/v1/files", files={"file": ("big.bin", bytes(size))})
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "File size exceeds maximum of 100 MB"},
    )
    assert set(api.list_files()) == before


def test_curl_like_upload_with_expect(server, api):
    body, content_type = multipart([file_part("big", b"x" * (2 * MIB))])
    with RawConnection(server.port) as connection:
        connection.send(
            b"POST /v1/files HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (content_type.encode(), len(body))
        )
        assert connection.read_head().status == 100
        connection.send(body)
        assert connection.read_answer().status == 201
        assert connection.request("GET", "/health").status == 200


def test_chunked_upload(api):
    body, content_type = multipart([file_part("chunked", b"y" * 200_000)])
    pieces = (body[i : i + 777] for i in range(0, len(body), 777))
    answer = api.post("/v1/files", data=pieces, headers={"Content-Type": content_type})
    assert answer.status_code == 201, answer.text
    assert api.download(answer.json()["file_id"]) == b"y" * 200_000


def test_parallel_uploads(server):
    """Onyx uploads eight at a time."""
    results, clients = {}, [server.api() for _ in range(8)]

    def work(index):
        for number in range(5):
            data = f"{index}-{number}".encode() * 10_000
            results[clients[index].upload(data)] = data

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    for file_id, data in results.items():
        assert clients[0].download(file_id) == data


def test_smaller_limit(server_factory):
    api = server_factory(MAX_FILE_SIZE_MB=1).api()
    assert api.post("/v1/files", files={"file": ("f", bytes(MIB))}).status_code == 201
    answer = api.post("/v1/files", files={"file": ("f", bytes(MIB + 1))})
    assert answer.json() == {"detail": "File size exceeds maximum of 1 MB"}


def test_files_are_deleted_after_their_time(server_factory):
    api = server_factory(FILE_TTL_SEC=3).api()
    begin = time.time()
    uploaded = api.upload(b"x")
    produced = api.execute("open('f', 'w').write('y')").ok().file_id("f")
    for file_id in (uploaded, produced):
        wait_until(
            lambda wanted=file_id: api.get(f"/v1/files/{wanted}").status_code == 404, 60, "expiry"
        )
        assert file_id not in api.list_files()
    assert time.time() - begin >= 2.5


def test_id_that_expired_cannot_be_staged(server_factory):
    api = server_factory(FILE_TTL_SEC=1).api()
    file_id = api.upload(b"x")
    wait_until(lambda: api.get(f"/v1/files/{file_id}").status_code == 404, 60, "expiry")
    answer = api.post(
        "/v1/execute", json={"code": "", "files": [{"path": "a", "file_id": file_id}]}
    )
    assert answer.status_code == 404


def test_files_survive_a_restart(server_factory):
    first = server_factory()
    file_id = first.api().upload(b"durable", "n.txt")
    first.stop()
    second = server_factory(state_dir=first.state_dir)
    assert second.api().download(file_id) == b"durable"
    assert second.api().list_files()[file_id]["filename"] == "n.txt"
    assert not is_file_id(str(uuid.uuid1()))  # The check of ids is a real one.
