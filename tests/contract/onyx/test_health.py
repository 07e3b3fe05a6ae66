"""Section 2: health and readiness."""

import re
import threading
import time


def version_triple(text):
    """As Onyx reads it: without a leading v and what follows - or +."""
    return tuple(int(part) for part in re.split(r"[-+]", text.removeprefix("v"))[0].split("."))


def test_health_is_ok(api):
    answer = api.get("/health")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body)[:5] == [
        "status",
        "message",
        "version",
        "executor_backend",
        "network_isolation",
    ]
    assert body["status"] == "ok"
    assert body["message"] is None
    assert body["executor_backend"] == "native"
    assert body["network_isolation"] is None or isinstance(body["network_isolation"], str)


def test_version_passes_the_gate_of_onyx(api):
    triple = version_triple(api.get("/health").json()["version"])
    assert len(triple) == 3
    assert triple >= (0, 4, 0)


def test_ready_has_the_body_of_health(api):
    answer = api.get("/ready")
    assert answer.status_code == 200
    assert list(answer.json()) == list(api.get("/health").json())
    assert answer.json()["status"] == "ok"


def test_health_answers_under_load(server):
    """Eight programs keep the processors busy; health still answers within the client's 5 s."""
    done = threading.Event()
    failures = []

    def load():
        client = server.api()
        while not done.is_set():
            try:
                client.execute("sum(range(3_000_000))").ok()
            except AssertionError as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        client = server.api()
        for _ in range(10):
            begin = time.monotonic()
            for path in ("/health", "/ready"):
                assert client.get(path, timeout=5).json()["status"] == "ok"
            assert time.monotonic() - begin < 5
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]
