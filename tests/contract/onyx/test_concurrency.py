"""Admission: parallel executions, refusal with 429, and clients that vanish."""

import json
import select
import threading
import time
import uuid

import pytest

from harness import host
from harness.raw import RawConnection
from harness.waiting import wait_until

SATURATED = "Execution capacity on this replica is saturated. Retry after the Retry-After delay."


def in_parallel(count, work):
    """Runs work(i) on `count` threads; returns the results, or raises the first failure."""
    results, failures = [None] * count, []

    def run(index):
        try:
            results[index] = work(index)
        except BaseException as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def test_five_parallel_executions(server):
    code = (
        "import time\nopen('mine', 'w').write('{i}')\ntime.sleep(0.5)\nprint(open('mine').read())"
    )
    outcomes = in_parallel(5, lambda i: server.api().execute(code.replace("{i}", str(i))))
    assert [outcome.stdout for outcome in outcomes] == [f"{i}\n" for i in range(5)]
    assert all(outcome.paths == ["mine"] for outcome in outcomes)


def test_parallel_executions_overlap(server):
    """Four programs of two seconds take less than their sum."""
    begin = time.monotonic()
    in_parallel(4, lambda _: server.api().execute("import time\ntime.sleep(2)").ok())
    assert time.monotonic() - begin < 7


def test_more_clients_than_slots_are_all_served(server):
    outcomes = in_parallel(32, lambda i: server.api().execute(f"print({i})"))
    assert [outcome.stdout for outcome in outcomes] == [f"{i}\n" for i in range(32)]


class Occupied:
    """Takes every slot of a server with programs that run until they are let go."""

    def __init__(self, server, slots):
        self.server = server
        self.connections = []
        self.markers = []
        for _ in range(slots):
            marker = f"32109.{uuid.uuid4().int % 10**12:012d}"
            code = f"import subprocess\nsubprocess.run(['sleep', '{marker}'])"
            self.connections.append(post(server.port, {"code": code, "timeout_ms": 60000}))
            self.markers.append(marker)
        for marker in self.markers:
            host.wait_for_marker(marker)

    def let_go(self):
        for connection in self.connections:
            connection.close()


def post(port, body, path="/v1/execute"):
    """Sends a request and leaves the answer to be read, or not."""
    connection = RawConnection(port, timeout=60)
    raw = json.dumps(body).encode()
    connection.send(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw)}\r\n\r\n".encode() + raw
    )
    return connection


def assert_saturated(answer, retry_after="2"):
    assert answer.status == 429
    assert json.loads(answer.body) == {"detail": SATURATED}
    assert answer.header("retry-after") == retry_after
    assert answer.header("content-type") == "application/json"


def test_429_when_nobody_may_wait(server_factory):
    server = server_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=0)
    api = server.api()
    session = api.create_session()
    occupied = Occupied(server, 1)
    for path, body in (
        ("/v1/execute", {"code": "1"}),
        ("/v1/execute/stream", {"code": "1"}),
        ("/v1/sessions", {}),
        (f"/v1/sessions/{session}/bash", {"cmd": "true"}),
    ):
        begin = time.monotonic()
        with post(server.port, body, path) as connection:
            assert_saturated(connection.read_answer())
        assert time.monotonic() - begin < 4
    # 429 comes after the schema and before the files.
    assert api.post("/v1/execute", json={}).status_code == 422
    files = [{"path": "a", "file_id": "none"}]
    assert api.post("/v1/execute", json={"code": "", "files": files}).status_code == 429
    # What needs no slot goes on.
    assert api.get("/ready").status_code == 200
    assert api.download(api.upload(b"x")) == b"x"
    occupied.let_go()
    wait_until(
        lambda: api.post("/v1/execute", json={"code": "1"}).status_code == 200, 10, "a free slot"
    )


def test_429_after_waiting_in_vain(server_factory):
    server = server_factory(
        MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=1, EXECUTION_RETRY_AFTER_SEC=7
    )
    occupied = Occupied(server, 1)
    begin = time.monotonic()
    with post(server.port, {"code": "1"}) as connection:
        assert_saturated(connection.read_answer(), retry_after="7")
    assert 0.8 < time.monotonic() - begin < 10
    occupied.let_go()


@pytest.mark.timeout(300)
def test_full_queue_refuses_at_once(server_factory):
    """The queue is bounded in length: of many callers some are refused long before their time."""
    server = server_factory(
        MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=120, CLOISTER_QUEUE_LENGTH=3
    )
    occupied = Occupied(server, 1)
    waiting = [post(server.port, {"code": "print('served')"}) for _ in range(20)]
    refused = wait_until(
        lambda: len(found := readable(waiting, timeout=1)) == 17 and found,
        30,
        "3 of 20 callers wait and the others are refused",
    )
    for connection in refused:
        assert_saturated(connection.read_answer())
    # The others still have their places, and health does not depend on the queue.
    assert server.api().get("/health", timeout=5).status_code == 200
    first = next(connection for connection in waiting if connection not in refused)
    occupied.let_go()
    answer = first.read_answer()
    assert (answer.status, json.loads(answer.body)["stdout"]) == (200, "served\n")
    for connection in waiting:
        connection.close()


def readable(connections, timeout):
    """The connections on which an answer has begun to arrive."""
    poller = select.poll()
    by_number = {connection.socket.fileno(): connection for connection in connections}
    for number in by_number:
        poller.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poller.poll(timeout * 1000)]


def test_waiting_caller_is_served_when_a_slot_is_free(server_factory):
    server = server_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=60)
    occupied = Occupied(server, 1)
    waiting = post(server.port, {"code": "print('served')"})
    occupied.let_go()
    answer = waiting.read_answer()
    assert answer.status == 200
    assert json.loads(answer.body)["stdout"] == "served\n"
    waiting.close()


def test_vanished_client_frees_its_slot(server_factory):
    """Within a second says the contract; ten are allowed to a busy machine."""
    server = server_factory(MAX_CONCURRENT_EXECUTIONS=2, EXECUTION_QUEUE_TIMEOUT_SEC=30)
    for _ in range(3):
        occupied = Occupied(server, 2)
        occupied.let_go()
        begin = time.monotonic()
        assert server.api().execute("print(1)").ok().stdout == "1\n"
        assert time.monotonic() - begin < 10
        for marker in occupied.markers:
            host.wait_until_marker_gone(marker, timeout_s=10)


def test_client_that_vanishes_while_waiting_is_forgotten(server_factory):
    server = server_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=60)
    occupied = Occupied(server, 1)
    marker = f"21098.{uuid.uuid4().int % 10**12:012d}"
    code = f"import subprocess\nsubprocess.run(['sleep', '{marker}'])"
    waiting = post(server.port, {"code": code, "timeout_ms": 60000})
    waiting.close()
    occupied.let_go()
    assert server.api().execute("print(1)").ok().stdout == "1\n"
    host.wait_until_marker_gone(marker, timeout_s=10)


def test_memory_limit_setting(server_factory):
    api = server_factory(MEMORY_LIMIT_MB=512).api()
    code = "b = bytearray(350 << 20)\nprint(len(b))"
    assert api.execute(code).ok().stdout == f"{350 << 20}\n"
