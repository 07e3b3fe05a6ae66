"""Section 1.2: requests that do not fit the schema, with the exact bodies."""

import json

import pytest

EXECUTE = "/v1/execute"
STREAM = "/v1/execute/stream"
SESSIONS = "/v1/sessions"
BASH = "/v1/sessions/code-session-00000000000000000000000000000000/bash"
JSON_TYPE = {"Content-Type": "application/json"}

OBJECT = "Input should be a valid dictionary or object to extract fields from"
STRING = "Input should be a valid string"
INTEGER = "Input should be a valid integer"
LIST = "Input should be a valid list"
BOOLEAN = "Input should be a valid boolean"
UNCLEAR_BOOLEAN = "Input should be a valid boolean, unable to interpret input"


def error(kind, loc, msg, value, ctx=None):
    made = {"type": kind, "loc": ["body", *loc], "msg": msg, "input": value}
    return made if ctx is None else made | {"ctx": ctx}


def missing(loc, value):
    return error("missing", loc, "Field required", value)


def too_small(loc, value):
    return error(
        "greater_than_equal", loc, "Input should be greater than or equal to 1", value, {"ge": 1}
    )


def code_with(**fields):
    return {"code": "", **fields}


def execute_rows():
    """(name, body, errors) for both execute routes."""
    yield "null body", None, [missing([], None)]
    yield "no code", {}, [missing(["code"], {})]
    for value in ([], "text", 3, True):
        yield f"body {value!r}", value, [error("model_attributes_type", [], OBJECT, value)]
    for value in (None, 1, 1.5, True, [], {}):
        yield f"code {value!r}", {"code": value}, [error("string_type", ["code"], STRING, value)]
    for value in (1, False, [], {"a": 1}):
        yield (
            f"stdin {value!r}",
            code_with(stdin=value),
            [error("string_type", ["stdin"], STRING, value)],
        )
    for value in (None, 1.0, 1.5, "2000", True, False, [], {}):
        yield (
            f"timeout_ms {value!r}",
            code_with(timeout_ms=value),
            [error("int_type", ["timeout_ms"], INTEGER, value)],
        )
    for value in (0, -1, -(10**12)):
        yield f"timeout_ms {value}", code_with(timeout_ms=value), [too_small(["timeout_ms"], value)]
    for value in (None, [], {}, [True]):
        yield (
            f"interactive {value!r}",
            code_with(last_line_interactive=value),
            [error("bool_type", ["last_line_interactive"], BOOLEAN, value)],
        )
    for value in (2, -1, 0.5, "", "maybe", "truee", "2"):
        yield (
            f"interactive {value!r}",
            code_with(last_line_interactive=value),
            [error("bool_parsing", ["last_line_interactive"], UNCLEAR_BOOLEAN, value)],
        )
    yield from file_rows(code_with)


def file_rows(around):
    for value in (None, {}, "text", 1, True):
        yield f"files {value!r}", around(files=value), [error("list_type", ["files"], LIST, value)]
    for value in (None, [], "text", 1):
        yield (
            f"file {value!r}",
            around(files=[value]),
            [error("model_attributes_type", ["files", 0], OBJECT, value)],
        )
    yield (
        "file without fields",
        around(files=[{}]),
        [missing(["files", 0, "path"], {}), missing(["files", 0, "file_id"], {})],
    )
    yield (
        "second file wrong",
        around(files=[{"path": "a", "file_id": "b"}, {"path": 1, "file_id": None}]),
        [
            error("string_type", ["files", 1, "path"], STRING, 1),
            error("string_type", ["files", 1, "file_id"], STRING, None),
        ],
    )


def session_rows():
    yield "null body", None, [missing([], None)]
    yield "list body", [], [error("model_attributes_type", [], OBJECT, [])]
    for value in (None, 1.0, "900", True, []):
        yield (
            f"ttl_seconds {value!r}",
            {"ttl_seconds": value},
            [error("int_type", ["ttl_seconds"], INTEGER, value)],
        )
    for value in (0, -5):
        yield f"ttl_seconds {value}", {"ttl_seconds": value}, [too_small(["ttl_seconds"], value)]
    for value in (86401, 10**15):
        yield (
            f"ttl_seconds {value}",
            {"ttl_seconds": value},
            [
                error(
                    "less_than_equal",
                    ["ttl_seconds"],
                    "Input should be less than or equal to 86400",
                    value,
                    {"le": 86400},
                )
            ],
        )
    yield from file_rows(lambda **fields: fields)
    # Files come first among the fields.
    yield (
        "both fields wrong",
        {"ttl_seconds": 0, "files": None},
        [error("list_type", ["files"], LIST, None), too_small(["ttl_seconds"], 0)],
    )


def bash_rows():
    yield "null body", None, [missing([], None)]
    yield "no cmd", {}, [missing(["cmd"], {})]
    for value in (None, 1, ["ls"]):
        yield f"cmd {value!r}", {"cmd": value}, [error("string_type", ["cmd"], STRING, value)]
    yield (
        "everything wrong",
        {"cmd": 1, "timeout_ms": 0},
        [error("string_type", ["cmd"], STRING, 1), too_small(["timeout_ms"], 0)],
    )


def rows():
    for path, source in (
        (EXECUTE, execute_rows),
        (STREAM, execute_rows),
        (SESSIONS, session_rows),
        (BASH, bash_rows),
    ):
        for name, body, errors in source():
            yield pytest.param(path, body, errors, id=f"{path.split('/')[-1]}: {name}")


@pytest.mark.parametrize("path, body, errors", list(rows()))
def test_exact_body(api, path, body, errors):
    answer = api.post(path, data=json.dumps(body).encode(), headers=JSON_TYPE)
    expected = json.dumps({"detail": errors}, separators=(",", ":"))
    assert (answer.status_code, answer.text) == (422, expected)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", [EXECUTE, STREAM, SESSIONS, BASH])
def test_no_body_at_all(api, path):
    answer = api.post(path)
    assert answer.status_code == 422
    assert answer.json() == {"detail": [missing([], None)]}


def test_example_of_the_contract(api):
    body = {"timeout_ms": 0, "files": [{"path": "in.csv"}]}
    answer = api.post(EXECUTE, json=body)
    assert answer.status_code == 422
    assert answer.text == (
        '{"detail":['
        '{"type":"missing","loc":["body","code"],"msg":"Field required",'
        '"input":{"timeout_ms":0,"files":[{"path":"in.csv"}]}},'
        '{"type":"greater_than_equal","loc":["body","timeout_ms"],'
        '"msg":"Input should be greater than or equal to 1","input":0,"ctx":{"ge":1}},'
        '{"type":"missing","loc":["body","files",0,"file_id"],"msg":"Field required",'
        '"input":{"path":"in.csv"}}]}'
    )


def test_all_errors_come_in_field_order(api):
    body = {"files": None, "last_line_interactive": None, "timeout_ms": "1", "stdin": 1, "code": 1}
    answer = api.post(EXECUTE, json=body)
    assert answer.status_code == 422
    assert [entry["loc"][1] for entry in answer.json()["detail"]] == [
        "code",
        "stdin",
        "timeout_ms",
        "last_line_interactive",
        "files",
    ]


MALFORMED = [b"{", b"{'code': 1}", b'{"code": }', b"nope", b'{"code":"a"} x', b'"\x01"', b"[1,]"]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_json(api, text):
    answer = api.post(EXECUTE, data=text, headers=JSON_TYPE)
    assert answer.status_code == 422
    (entry,) = answer.json()["detail"]
    assert list(entry) == ["type", "loc", "msg", "input", "ctx"]
    assert entry["type"] == "json_invalid"
    assert entry["msg"] == "JSON decode error"
    assert entry["loc"][0] == "body" and type(entry["loc"][1]) is int and len(entry["loc"]) == 2
    assert 0 <= entry["loc"][1] <= len(text)
    assert entry["input"] == {}
    assert list(entry["ctx"]) == ["error"] and entry["ctx"]["error"]


@pytest.mark.parametrize("body", [b'{"code":"\xff"}', b"\x80", b'{"code":"\xed\xa0\x80"}'])
def test_body_that_is_not_utf8(api, body):
    answer = api.post(EXECUTE, data=body, headers=JSON_TYPE)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "There was an error parsing the body"},
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":"","timeout_ms":NaN}',
        b'{"code":"","timeout_ms":Infinity}',
        b'{"code":"","timeout_ms":1e400}',
        b'{"code":"\\ud800"}',
        b'{"code":"\\udc00\\ud800"}',
    ],
)
def test_what_the_original_trips_over_is_422(api, body):
    answer = api.post(EXECUTE, data=body, headers=JSON_TYPE)
    assert answer.status_code == 422
    assert "detail" in answer.json()


@pytest.mark.parametrize("depth", [200, 100_000])
def test_deeply_nested_json_is_refused_or_ignored(api, depth):
    body = b'{"code":"print(1)","x":' + b"[" * depth + b"]" * depth + b"}"
    answer = api.post(EXECUTE, data=body, headers=JSON_TYPE)
    assert answer.status_code in (200, 400, 422)
    assert api.get("/health").json()["status"] == "ok"


def test_input_is_echoed_with_non_ascii_text(api):
    answer = api.post(EXECUTE, data='{"code":["\u00e9"]}'.encode(), headers=JSON_TYPE)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["input"] == ["\u00e9"]
    assert "\u00e9".encode() in answer.content


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "T", "YES", "y", "On", "1"])
def test_lenient_true(api, value):
    answer = api.post(EXECUTE, json={"code": "7", "last_line_interactive": value})
    assert (answer.status_code, answer.json().get("stdout")) == (200, "7\n")


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "F", "NO", "n", "Off", "0"])
def test_lenient_false(api, value):
    answer = api.post(EXECUTE, json={"code": "7", "last_line_interactive": value})
    assert (answer.status_code, answer.json().get("stdout")) == (200, "")
