"""Sections 3.5, 8.4 and 8.5: long runs, full servers and clients that go away."""

import json

import pytest

from contract.librechat.librechat_api import KEY, LibreChatApi
from harness import host
from harness.raw import RawConnection


def raw_exec(connection, **body):
    data = json.dumps(body).encode()
    head = f"POST /exec HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.send(head.encode() + data)


def test_white_space_before_a_late_answer(chat_server):
    """The status comes after three seconds and a space every three more; then the JSON."""
    with RawConnection(chat_server.port) as connection:
        raw_exec(connection, lang="bash", code="sleep 7.5; echo done")
        head = connection.read_head()
        assert head.status == 200
        assert head.header("content-type") == "application/json"
        assert head.header("transfer-encoding") == "chunked"
        pieces = []
        for piece in connection.read_chunks():
            pieces.append(piece)
        text = b"".join(pieces).decode()
    spaces = len(text) - len(text.lstrip(" "))
    assert spaces == 2, pieces
    assert json.loads(text)["stdout"] == "done\n"


def test_no_white_space_before_a_quick_answer(chat):
    answer = chat.post_exec(lang="bash", code="echo 1")
    assert answer.text.startswith("{") and "content-length" in answer.headers


def test_late_failure_is_in_the_body(chat):
    """A time limit is no failure of HTTP's in any case."""
    answer = chat.post_exec(lang="bash", code="echo a; sleep 60", timeout=4)
    assert answer.status_code == 200
    body = json.loads(answer.text)
    assert (body["exit_code"], body["stdout"]) == (124, "a\n") and body["stderr"]


def test_client_that_hangs_up_ends_its_program(chat_server):
    with RawConnection(chat_server.port) as connection:
        raw_exec(connection, lang="bash", code="sleep 4310.5")
        host.wait_for_marker("4310.5")
    host.wait_until_marker_gone("4310.5")


def test_full_server(chat_factory):
    chat = chat_factory(
        MAX_CONCURRENT_EXECUTIONS=1, CLOISTER_QUEUE_LENGTH=0, EXECUTION_RETRY_AFTER_SEC=7
    )
    with RawConnection(chat.server.port) as holder:
        raw_exec(holder, lang="bash", code="sleep 4311.5")
        host.wait_for_marker("4311.5")
        answer = chat.post_exec(lang="bash", code="echo 1")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "7"
        body = answer.json()
        assert body["error"] == "rate_limited" and body["retry_after_seconds"] == 7
        assert body["message"]
    host.wait_until_marker_gone("4311.5")
    assert chat.bash("echo 1").ok().stdout == "1\n"


def test_waiting_for_a_slot(chat_factory):
    """With a queue, a second run waits instead."""
    chat = chat_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=60)
    with RawConnection(chat.server.port) as holder:
        raw_exec(holder, lang="bash", code="sleep 2.125; echo held")
        host.wait_for_marker("2.125")
        assert chat.bash("echo waited").ok().stdout == "waited\n"
        assert json.loads(holder.read_answer().body)["stdout"] == "held\n"


def test_paused_programs_hold_no_slot(chat_factory):
    """A program that waits for its tools does not keep others from running."""
    chat = chat_factory(MAX_CONCURRENT_EXECUTIONS=1, CLOISTER_QUEUE_LENGTH=0)
    tools = [{"name": "say", "description": "", "parameters": {"type": "object"}}]
    body = {"code": "print(await say())", "tools": tools}
    paused = chat.post("/exec/programmatic", json=body).json()
    assert paused["status"] == "tool_call_required"
    assert chat.bash("echo 1").ok().stdout == "1\n"


@pytest.mark.parametrize("variable", ["CI_MAX_MEMORY_MB"])
def test_memory_setting(chat_factory, variable):
    chat = chat_factory(**{variable: 128})
    assert chat.python("x = bytes(60 << 20)").exit_code == 0
    run = chat.python("x = b'x' * (300 << 20)\nprint(len(x))")
    assert run.exit_code != 0 and run.stdout == "" and run.stderr


def test_documented_memory_default(chat):
    """512 MB."""
    assert chat.python("x = b'x' * (300 << 20)\nprint(len(x))").ok().stdout == f"{300 << 20}\n"
    assert chat.python("x = b'x' * (600 << 20)\nprint(len(x))").exit_code != 0


def test_runs_at_once(chat_server):
    """Thirty clients, each with files of its own."""
    from concurrent.futures import ThreadPoolExecutor

    def work(number):
        client = LibreChatApi(chat_server.base_url)
        run = client.bash(f"echo {number} > f; cat f").ok()
        assert run.stdout == f"{number}\n"
        assert client.produced(run, "f") == f"{number}\n".encode()
        client.close()

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(work, range(60)))
