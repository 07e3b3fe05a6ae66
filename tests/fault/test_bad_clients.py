"""Slow, broken and vanishing clients harm nobody else."""

import json
import os
import socket
import time

import pytest

from harness.client import multipart
from harness.raw import RawConnection
from harness.waiting import wait_until

MIB = 1 << 20


def store_size(server):
    """(files, bytes) below the state directory; the database's own growth is left out."""
    count = total = 0
    for base, _, names in os.walk(server.state_dir / "files"):
        for name in names:
            try:
                total += os.stat(os.path.join(base, name)).st_size
                count += 1
            except FileNotFoundError:
                continue
    return count, total


@pytest.fixture(scope="module")
def slow_clients(server):
    """Connections that have sent part of a request each, and go on to be silent."""
    head = b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    beginnings = [
        b"",
        b"P",
        b"POST /v1/exec",
        head,
        head + b"Content-Length: 100\r\n\r\n",
        head + b'Content-Length: 100\r\n\r\n{"code":',
        head + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ]
    connections = []
    for beginning in beginnings * 8:
        connection = RawConnection(server.port)
        connection.send(beginning)
        connections.append(connection)
    yield connections
    for connection in connections:
        connection.close()


def test_slow_clients_do_not_block_others(slow_clients, api):
    for _ in range(10):
        begin = time.monotonic()
        assert api.get("/health").status_code == 200
        assert api.execute("print(1)").ok().stdout == "1\n"
        assert time.monotonic() - begin < 20
    assert slow_clients


def test_slow_clients_hold_no_execution_slot(slow_clients, api):
    active = [v for k, v in api.metrics().items() if "executions_active" in k]
    assert sum(active) == 0
    assert slow_clients


def test_request_byte_by_byte(server):
    body = json.dumps({"code": "print('slow')"}).encode()
    request = (
        b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    with RawConnection(server.port) as connection:
        for byte in request:
            connection.send(bytes([byte]))
            time.sleep(0.002)  # The client is slow on purpose.
        answer = connection.read_answer()
    assert answer.status == 200 and json.loads(answer.body)["stdout"] == "slow\n"


MALFORMED = [
    b"\r\n\r\n",
    b"\0\0\0\0\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /health\r\n\r\n",
    b"GET /health HTTP/9.9\r\n\r\n",
    b"GET /health HTTP/1.1\r\nno colon here\r\n\r\n",
    b"GET /health HTTP/1.1\r\n: empty\r\n\r\n",
    b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_http(server, api, request_bytes):
    """An error status or a closed connection; never 2xx, never 500, never a hang of the server."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    answer = b""
    try:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    except (ConnectionError, TimeoutError):
        pass
    finally:
        connection.close()
    if answer:
        assert answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), answer[:200]
        status = int(answer.split()[1])
        assert 400 <= status < 500 or status in (501, 505), answer[:200]
    assert api.get("/health", timeout=10).status_code == 200


def test_request_smuggling_is_refused(server):
    """Both a length and chunks: the bytes after the chunks never become a request of their own."""
    body = b"0\r\n\r\nGET /v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
    with RawConnection(server.port) as connection:
        connection.send(
            b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" % len(body) + body
        )
        first = connection.read_answer()
        assert first.status in (400, 405)
        if first.status == 400:
            assert connection.is_closed_by_server()


def test_clients_that_vanish_during_an_upload_leave_nothing(server, api):
    body, content_type = multipart([(b'form-data; name="file"; filename="f"', bytes(4 * MIB))])
    before, listed = store_size(server), set(api.list_files())
    for cut in (10, len(body) // 2, len(body) - 5):
        connection = RawConnection(server.port)
        connection.send(
            b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
            % (content_type.encode(), len(body))
        )
        connection.send(body[:cut])
        connection.close()
    wait_until(lambda: store_size(server) == before, 30, f"the store is as before: {before}")
    assert set(api.list_files()) == listed


def test_refused_uploads_leave_nothing(server, api):
    before = store_size(server)
    assert api.post("/v1/files", files={"file": ("f", bytes(101 * MIB))}).status_code == 413
    assert api.post("/v1/files", files={"other": ("f", bytes(MIB))}).status_code == 422
    wait_until(lambda: store_size(server) == before, 30, f"the store is as before: {before}")


def test_client_that_does_not_read_its_answer(server, api):
    """A full send buffer of one client stops neither the others nor the server's end."""
    stuck = []
    for _ in range(4):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        body = json.dumps({"code": "print('x' * 900_000)"}).encode()
        raw.sendall(
            b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        stuck.append(raw)
    assert api.execute("print(1)").ok().stdout == "1\n"
    for raw in stuck:
        raw.close()


def test_many_connections(server, api):
    """Two hundred idle connections, then all of them are used."""
    connections = [RawConnection(server.port) for _ in range(200)]
    for connection in connections:
        assert connection.request("GET", "/health").status == 200
    for connection in connections:
        connection.close()
    assert api.get("/health").status_code == 200


def test_half_closed_client_gets_its_answer_or_is_dropped(server):
    """A client that shuts its sending side may be taken as gone, but nothing hangs."""
    body = json.dumps({"code": "print(1)"}).encode()
    with RawConnection(server.port) as connection:
        connection.send(
            b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed_by_server(timeout=30)


def test_no_descriptor_or_thread_is_lost(server, api):
    """After a burst of broken requests the server holds no more than before."""

    def held():
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    api.execute("1").ok()
    before = held()
    for _ in range(50):
        connection = RawConnection(server.port)
        connection.send(b"POST /v1/files HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
        connection.close()
        api.post("/v1/execute", data=b"{", headers={"Content-Type": "application/json"})
    wait_until(lambda: held() <= before + 5, 30, f"descriptors are back at {before}")
