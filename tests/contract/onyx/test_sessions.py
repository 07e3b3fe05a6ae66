"""Section 6: sessions."""

import threading
import time
import uuid

import pytest

from harness import host
from harness.waiting import wait_until

UNKNOWN = "code-session-00000000000000000000000000000000"


@pytest.fixture
def session(api):
    made = api.create_session()
    yield made
    api.delete(f"/v1/sessions/{made}")


def not_found(session_id):
    return {"detail": f"Session '{session_id}' not found"}


def test_creation_and_default_ttl(api):
    before = time.time()
    answer = api.post("/v1/sessions", json={})
    after = time.time()
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["session_id", "expires_at"]
    assert before + 900 - 2 <= body["expires_at"] <= after + 900 + 2
    api.delete_session(body["session_id"])


@pytest.mark.parametrize("ttl", [1, 86400])
def test_bounds_of_the_ttl(api, ttl):
    before = time.time()
    body = api.post("/v1/sessions", json={"ttl_seconds": ttl}).json()
    assert before + ttl - 2 <= body["expires_at"] <= time.time() + ttl + 2
    api.delete(f"/v1/sessions/{body['session_id']}")


def test_body_is_required(api):
    assert api.post("/v1/sessions").status_code == 422


def test_ids_differ(api):
    made = {api.create_session(ttl_seconds=60) for _ in range(4)}
    assert len(made) == 4
    for session in made:
        api.delete_session(session)


def test_staged_files(api):
    file_id = api.upload(b"data")
    session = api.create_session(
        files=[{"path": "d/a.txt", "file_id": file_id}, {"path": "__main__.py", "file_id": file_id}]
    )
    outcome = api.bash(session, "cat d/a.txt __main__.py; stat -c '%a %u:%g %Y' d/a.txt")
    assert outcome.stdout == "datadata644 65532:65532 0\n"
    api.delete_session(session)


@pytest.mark.parametrize(
    "path, message",
    [
        ("/x", "File paths must be relative."),
        ("a/../x", "File paths must not contain '..'."),
        ("./", "File path must not be empty."),
    ],
)
def test_bad_path(api, path, message):
    file_id = api.upload(b"x")
    answer = api.post("/v1/sessions", json={"files": [{"path": path, "file_id": file_id}]})
    assert (answer.status_code, answer.json()) == (422, {"detail": message})


def test_missing_file_comes_before_bad_path(api):
    present = api.upload(b"x")
    files = [{"path": "/x", "file_id": present}, {"path": "y", "file_id": "none"}]
    answer = api.post("/v1/sessions", json={"files": files})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "File with ID 'none' not found for path 'y'."}


def test_delete(api):
    session = api.create_session()
    answer = api.delete(f"/v1/sessions/{session}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.delete(f"/v1/sessions/{session}").status_code == 404
    answer = api.post(f"/v1/sessions/{session}/bash", json={"cmd": "true"})
    assert (answer.status_code, answer.json()) == (404, not_found(session))


HOSTILE = [
    UNKNOWN,
    "code-session-",
    "nope",
    "code-session-..%2f..%2fetc",
    "CODE-SESSION-00000000000000000000000000000000",
    "5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a59",
    "code-session-%00",
    "code-session-" + "0" * 5000,
]


@pytest.mark.parametrize("session_id", HOSTILE)
def test_unknown_ids(api, session_id):
    for method, path in (("DELETE", ""), ("POST", "/bash")):
        answer = api.request(method, f"/v1/sessions/{session_id}{path}", json={"cmd": "true"})
        assert answer.status_code == 404
        if "%" not in session_id:
            assert answer.json() == not_found(session_id)


def test_check_order_of_bash(api):
    path = f"/v1/sessions/{UNKNOWN}/bash"
    assert isinstance(api.post(path, json={"timeout_ms": 60001}).json()["detail"], list)
    answer = api.post(path, json={"cmd": "x", "timeout_ms": 60001})
    assert (answer.status_code, answer.json()) == (
        422,
        {"detail": "timeout_ms exceeds maximum of 60000 ms"},
    )
    assert api.post(path, json={"cmd": "x"}).status_code == 404


def test_expiry_ends_everything(api):
    marker = f"65432.{uuid.uuid4().int % 10**12:012d}"
    body = api.post("/v1/sessions", json={"ttl_seconds": 4}).json()
    session = body["session_id"]
    api.bash(session, f"sleep {marker} >/dev/null 2>&1 &")
    assert host.processes_with(marker)
    wait_until(
        lambda: api.post(f"/v1/sessions/{session}/bash", json={"cmd": "true"}).status_code == 404,
        40,
        "the session expires although it is used",
    )
    assert time.time() >= body["expires_at"] - 1.5
    host.wait_until_marker_gone(marker)
    assert api.delete(f"/v1/sessions/{session}").status_code == 404


def test_idle_session_is_gone_at_its_expiry(api):
    """Nobody asks for it: the processes have to go by themselves."""
    marker = f"65431.{uuid.uuid4().int % 10**12:012d}"
    body = api.post("/v1/sessions", json={"ttl_seconds": 3}).json()
    api.bash(body["session_id"], f"sleep {marker} >/dev/null 2>&1 &")
    assert host.processes_with(marker)
    host.wait_until_marker_gone(marker, timeout_s=3 + 10)


def test_expiry_during_a_command(api):
    body = api.post("/v1/sessions", json={"ttl_seconds": 3}).json()
    answer = api.post(
        f"/v1/sessions/{body['session_id']}/bash", json={"cmd": "sleep 50", "timeout_ms": 60000}
    )
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        assert answer.json()["exit_code"] != 0
    assert time.time() < body["expires_at"] + 30


def test_delete_during_a_command(server, api):
    session = api.create_session()
    marker = f"54321.{uuid.uuid4().int % 10**12:012d}"
    answers = []

    def run():
        answers.append(
            server.api().post(
                f"/v1/sessions/{session}/bash", json={"cmd": f"sleep {marker}", "timeout_ms": 60000}
            )
        )

    thread = threading.Thread(target=run)
    thread.start()
    host.wait_for_marker(marker)
    assert api.delete(f"/v1/sessions/{session}").status_code == 204
    thread.join(timeout=30)
    assert not thread.is_alive()
    host.wait_until_marker_gone(marker)
    assert answers[0].status_code in (200, 404)
    if answers[0].status_code == 200:
        assert answers[0].json()["exit_code"] != 0
    assert api.post(f"/v1/sessions/{session}/bash", json={"cmd": "true"}).status_code == 404


def test_files_of_a_session_are_not_in_the_store(api, session):
    before = set(api.list_files())
    api.bash(session, "echo x > made.txt").ok()
    assert set(api.list_files()) == before


def test_sessions_do_not_share_anything(api, session):
    other = api.create_session()
    api.bash(session, "echo mine > f; echo t > /tmp/t; echo s > /dev/shm/s").ok()
    outcome = api.bash(other, "ls -A . /tmp /dev/shm; cat f")
    assert "mine" not in outcome.stdout and outcome.exit_code != 0
    assert "\nt\n" not in outcome.stdout and "\ns\n" not in outcome.stdout
    api.delete_session(other)


def test_sessions_do_not_hold_execution_slots(server_factory):
    api = server_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=5).api()
    sessions = [api.create_session() for _ in range(3)]
    assert api.execute("print(1)").ok().stdout == "1\n"
    for session in sessions:
        assert api.bash(session, "echo hi").ok().stdout == "hi\n"


def test_session_ends_with_the_server(server_factory):
    first = server_factory()
    session = first.api().create_session()
    first.stop()
    second = server_factory(state_dir=first.state_dir)
    answer = second.api().post(f"/v1/sessions/{session}/bash", json={"cmd": "true"})
    assert answer.status_code == 404
