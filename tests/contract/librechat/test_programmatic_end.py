"""Section 10: time limits, tokens, and the ends of programs that call tools."""

import json
import threading
import uuid

import pytest

from contract.librechat.librechat_api import LibreChatApi, check_error
from contract.librechat.programs import PATH, SAY, Program
from harness import host
from harness.raw import RawConnection


@pytest.fixture
def start(chat):
    return lambda code, **options: Program(chat, code, **options)


# Time.


def test_time_limit(start):
    failed = start("print('half', flush=True)\nwhile True: pass", timeout=1000).failed()
    assert failed["error"] == "Time limit exceeded" and failed["stdout"] == "half\n"


def test_waiting_does_not_count(start):
    """The client waits longer than the program may run."""
    program = start("await say(text='x')\nprint('on')", timeout=1000)
    assert not threading.Event().wait(1.5)
    assert program.answer(1).completed()["stdout"] == "on\n"


def test_time_limit_after_a_pause(start):
    program = start("await say(text='x')\nwhile True: pass", timeout=1000)
    assert program.answer(1).failed()["error"] == "Time limit exceeded"


def test_memory_limit(start):
    failed = start("x = []\nwhile True: x.append(bytes(b'x') * (16 << 20))", timeout=20000).failed()
    assert failed["error"] in ("Out of memory", "Sandbox exited with code 1")


def test_pause_that_is_too_long(chat_factory):
    chat = chat_factory(CLOISTER_TOOL_PAUSE_SEC=1)
    mark = f"4300.{uuid.uuid4().int % 10**6}"
    program = Program(
        chat, f"import subprocess\nsubprocess.Popen(['sleep', '{mark}'])\nawait say(text='x')"
    )
    token = program.token()
    host.wait_until_marker_gone(mark, 20)
    body = {"continuation_token": token, "tool_results": []}
    answer = chat.post(PATH, json=body)
    assert answer.status_code in (400, 404)


# Tokens.


def test_token_that_is_unknown(chat):
    body = {"continuation_token": "unknown", "tool_results": [{"call_id": "c", "result": 1}]}
    check_error(chat.post(PATH, json=body), 404)


def test_token_that_is_used(start, chat):
    program = start("await say(text='x')\nawait say(text='y')")
    old = {"continuation_token": program.token(), "tool_results": []}
    old["tool_results"] = [{"call_id": program.calls()[0]["id"], "result": 1, "is_error": False}]
    program.answer(1)
    if program.token() != old["continuation_token"]:
        assert chat.post(PATH, json=old).status_code in (400, 404, 409)
    program.answer(1).completed()
    assert chat.post(PATH, json=old).status_code in (400, 404)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [{"call_id": "call_999", "result": 1, "is_error": False}],
        [{"result": 1}],
        "x",
        [1],
    ],
    ids=str,
)
def test_results_that_answer_nothing(start, chat, results):
    program = start("print(await say(text='x'))")
    body = {"continuation_token": program.token(), "tool_results": results}
    answer = chat.post(PATH, json=body)
    assert answer.status_code in (400, 422), answer.text
    assert program.answer("still there").completed()["stdout"] == "still there\n"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "1"},
        {"code": 1, "tools": []},
        {"code": "1", "tools": "x"},
        {"code": "1", "tools": [{"description": "nameless"}]},
        {"tools": [SAY]},
    ],
    ids=str,
)
def test_wrong_request(chat, body):
    answer = chat.post(PATH, json=body)
    if body == {"code": "1"}:  # No tools are as good as an empty list.
        assert answer.status_code in (200, 422)
    else:
        check_error(answer, answer.status_code)
        assert answer.status_code in (400, 422)


def test_language_without_tools(chat):
    check_error(chat.post(PATH, json={"code": "1", "tools": [SAY], "lang": "js"}), 400)


def test_empty_list_of_tools(start):
    assert start("print(1)", tools=[]).completed()["stdout"] == "1\n"


# The end of a caller.


def waiting_program(chat, mark, request_id):
    """A program that computes, in a thread that waits for its answer."""
    body = {"code": f"import subprocess\nsubprocess.run(['sleep', '{mark}'])", "tools": [SAY]}
    client = LibreChatApi(chat.base_url)
    headers = {"X-LibreChat-Code-Request-ID": request_id}
    thread = threading.Thread(
        target=lambda: client.post(PATH, json=body | {"timeout": 30000}, headers=headers)
    )
    thread.start()
    host.wait_for_marker(mark)
    return thread


def test_cancel(chat):
    request_id = str(uuid.uuid4())
    thread = waiting_program(chat, "4301.5", request_id)
    answer = chat.post(PATH + "/cancel", json={"request_id": request_id})
    assert answer.status_code == 200
    host.wait_until_marker_gone("4301.5")
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_cancel_of_a_paused_program(chat):
    request_id = str(uuid.uuid4())
    code = "import subprocess\nsubprocess.Popen(['sleep', '4302.5'])\nawait say(text='x')"
    program = Program(chat, code, headers={"X-LibreChat-Code-Request-ID": request_id})
    token = program.token()
    host.wait_for_marker("4302.5")
    chat.post(PATH + "/cancel", json={"request_id": request_id})
    host.wait_until_marker_gone("4302.5")
    results = [{"call_id": program.calls()[0]["id"], "result": 1, "is_error": False}]
    answer = chat.post(PATH, json={"continuation_token": token, "tool_results": results})
    check_error(answer, 404)


def test_cancel_of_nothing(chat):
    answer = chat.post(PATH + "/cancel", json={"request_id": str(uuid.uuid4())})
    assert answer.status_code == 200


def test_client_that_hangs_up(chat, chat_server):
    body = json.dumps(
        {"code": "import subprocess\nsubprocess.run(['sleep', '4303.5'])", "tools": [SAY]}
    ).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nx-api-key: {chat.http.headers['x-api-key']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with RawConnection(chat_server.port) as connection:
        connection.send(head.encode() + body)
        host.wait_for_marker("4303.5")
    host.wait_until_marker_gone("4303.5")


def test_programs_beyond_the_limit(chat_factory):
    chat = chat_factory(CLOISTER_TOOL_RUNS=2)
    programs = [Program(chat, "print(await say(text='x'))") for _ in range(2)]
    answer = chat.post(PATH, json={"code": "await say(text='x')", "tools": [SAY]})
    assert answer.status_code == 429 and answer.json()["error"] == "rate_limited"
    for program in programs:
        assert program.answer(1).completed()["stdout"] == "1\n"
    Program(chat, "await say(text='x')").calls()


def test_many_programs_at_once(chat_server):
    """Each gets its own results."""
    failures = []

    def work(number):
        client = LibreChatApi(chat_server.base_url)
        program = Program(client, "print(await add(a=1, b=2), await add(a=3, b=4))")
        done = program.answer(number).answer(-number).completed()
        if done["stdout"] != f"{number} {-number}\n":
            failures.append(done)
        client.close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
