"""Section 1: HTTP itself."""

import json

import pytest

from harness.raw import RawConnection

JSON_HEADERS = [("Content-Type", "application/json")]
PROGRAM = json.dumps({"code": "print('x')"}).encode()


@pytest.fixture
def connection(server):
    with RawConnection(server.port) as opened:
        yield opened


def test_keep_alive_serves_many_requests_on_one_connection(connection):
    for _ in range(5):
        assert connection.request("GET", "/health").status == 200
        answer = connection.request("POST", "/v1/execute", PROGRAM, JSON_HEADERS)
        assert answer.status == 200
        assert json.loads(answer.body)["stdout"] == "x\n"
        assert connection.request("GET", "/v1/nothing").status == 404


def test_keep_alive_survives_schema_errors(connection):
    assert connection.request("POST", "/v1/execute", b"{}", JSON_HEADERS).status == 422
    assert connection.request("POST", "/v1/execute", b"{bad", JSON_HEADERS).status == 422
    assert connection.request("POST", "/v1/execute", PROGRAM, JSON_HEADERS).status == 200


def test_pipelined_requests_are_answered_in_order(connection):
    connection.send(
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    assert connection.read_answer().status == 200
    assert connection.read_answer().status == 404


def test_connection_close_is_honoured(connection):
    answer = connection.request("GET", "/health", headers=[("Connection", "close")])
    assert answer.status == 200
    assert connection.is_closed_by_server()


def test_http_1_0_is_answered_and_closed(connection):
    connection.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert connection.read_answer().status == 200
    assert connection.is_closed_by_server()


def test_chunked_request_body(connection):
    middle = len(PROGRAM) // 2
    connection.send(
        b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    for piece in (PROGRAM[:middle], PROGRAM[middle:], b""):
        connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    answer = connection.read_answer()
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["stdout"] == "x\n"


def test_expect_100_continue_is_answered_before_the_body(connection):
    connection.send(
        b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(PROGRAM)
    )
    assert connection.read_head().status == 100
    connection.send(PROGRAM)
    assert connection.read_answer().status == 200


def test_json_answers_are_compact_utf8_without_charset(connection):
    body = json.dumps({"code": "print('\u00e9\u6f22\u2028')"}).encode()
    answer = connection.request("POST", "/v1/execute", body, JSON_HEADERS)
    assert answer.header("content-type") == "application/json"
    assert answer.body.startswith('{"stdout":"\u00e9\u6f22'.encode())
    parsed = json.loads(answer.body)
    assert parsed["stdout"] == "\u00e9\u6f22\u2028\n"
    compact = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode()
    # U+2028 may be sent escaped.
    assert answer.body.replace(b"\\u2028", "\u2028".encode()) == compact


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/execute/stream/more", "/healthz"])
def test_unknown_path(connection, path):
    answer = connection.request("GET", path)
    assert (answer.status, answer.body) == (404, b'{"detail":"Not Found"}')
    assert answer.header("content-type") == "application/json"


WRONG_METHODS = [
    ("GET", "/v1/execute", {"POST"}),
    ("PUT", "/v1/execute", {"POST"}),
    ("OPTIONS", "/v1/execute", {"POST"}),
    ("GET", "/v1/execute/stream", {"POST"}),
    ("POST", "/health", {"GET"}),
    ("DELETE", "/ready", {"GET"}),
    ("OPTIONS", "/health", {"GET"}),
    ("PUT", "/v1/files", {"GET", "POST"}),
    ("OPTIONS", "/v1/files", {"GET", "POST"}),
    ("PATCH", "/v1/files/5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a59", {"GET", "DELETE"}),
    ("GET", "/v1/sessions", {"POST"}),
    ("GET", "/v1/sessions/code-session-00000000000000000000000000000000", {"DELETE"}),
    ("GET", "/v1/sessions/code-session-00000000000000000000000000000000/bash", {"POST"}),
]


@pytest.mark.parametrize("method, path, allowed", WRONG_METHODS)
def test_wrong_method(connection, method, path, allowed):
    answer = connection.request(method, path)
    assert (answer.status, answer.body) == (405, b'{"detail":"Method Not Allowed"}')
    listed = {name.strip() for name in answer.header("allow").split(",")}
    # One of several methods is enough for the original; naming a wrong one is not.
    assert listed and listed <= allowed


@pytest.mark.parametrize("path", ["/health", "/v1/execute", "/v1/files"])
def test_head_is_a_wrong_method_without_a_body(connection, path):
    answer = connection.request("HEAD", path)
    assert answer.status == 405
    assert answer.header("allow")
    # No body follows: the connection goes on with the next answer.
    assert connection.request("GET", "/health").status == 200


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/v1/execute/"),
        ("GET", "/v1/files/"),
        ("GET", "/health/"),
        ("POST", "/v1/sessions/"),
    ],
)
def test_trailing_slash_redirects(connection, method, path):
    answer = connection.request(method, path, PROGRAM if method == "POST" else None, JSON_HEADERS)
    assert (answer.status, answer.body) == (307, b"")
    assert answer.header("location") == "http://localhost" + path.rstrip("/")


def test_redirected_post_is_repeated_by_a_client(api):
    answer = api.post("/v1/execute/", json={"code": "print(1)"}, allow_redirects=True)
    assert answer.status_code == 200
    assert answer.json()["stdout"] == "1\n"


def test_query_is_ignored(api):
    assert api.get("/health?a=b&c").status_code == 200
    assert api.get("/v1/files?limit=1").status_code == 200


def test_byte_order_mark_is_tolerated(api):
    answer = api.post(
        "/v1/execute", data=b"\xef\xbb\xbf" + PROGRAM, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
    assert answer.json()["stdout"] == "x\n"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.api+json",
        "application/vnd.api+json; version=1",
    ],
)
def test_json_content_types(api, content_type):
    answer = api.post("/v1/execute", data=PROGRAM, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/octet-stream"])
def test_other_content_types_are_parsed_or_refused_by_schema(connection, content_type):
    headers = [("Content-Type", content_type)] if content_type else []
    answer = connection.request("POST", "/v1/execute", PROGRAM, headers)
    assert answer.status in (200, 422), answer.body
    if answer.status == 422:
        assert json.loads(answer.body)["detail"][0]["type"] == "model_attributes_type"


def test_unknown_fields_are_ignored(api):
    answer = api.post(
        "/v1/execute",
        json={"code": "print(1)", "language": "cobol", "nested": {"a": [1]}, "": None},
    )
    assert answer.status_code == 200
    assert answer.json()["stdout"] == "1\n"


def test_last_of_repeated_keys_wins(api):
    body = b'{"code":1,"code":"print(1)","timeout_ms":0,"timeout_ms":30000,"code":"print(2)"}'
    answer = api.post("/v1/execute", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["stdout"] == "2\n"


def test_header_names_are_case_insensitive(connection):
    answer = connection.request(
        "POST", "/v1/execute", PROGRAM, [("cOnTeNt-tYpE", "application/json")]
    )
    assert answer.status == 200


def test_large_code_is_accepted(api):
    """No limit of its own on the length of the code."""
    code = "x = '" + "a" * 4_000_000 + "'\nprint(len(x))"
    assert api.execute(code).stdout == "4000000\n"
