"""Sections 4.9, 5.2 and 6.1: life cycle of sessions, and runs of one that overlap."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from contract.librechat.librechat_api import MISSING, LibreChatApi, check_error
from harness import host
from harness.waiting import wait_until

GONE = "Session '{}' was deleted while the program ran"


def sessions(chat):
    answer = chat.proxy("GET", "/sessions")
    assert answer.status_code == 200
    body = answer.json()
    assert body["total"] == len(body["sessions"])
    return {entry["session_id"]: entry for entry in body["sessions"]}


def test_list_for_the_operator(chat):
    chat.exec("js", "1", session_id="listed-session").ok()
    entry = sessions(chat)["listed-session"]
    assert entry["language"] == "javascript" and entry["is_expired"] is False
    assert 0 <= entry["age_minutes"] < 10
    for name in ("created_at", "last_activity"):
        made = datetime.fromisoformat(entry[name].removesuffix("Z")).replace(tzinfo=timezone.utc)
        assert abs((datetime.now(timezone.utc) - made).total_seconds()) < 600


def test_language_is_that_of_the_last_run(chat):
    session = chat.python("1").session_id
    chat.bash("true", session_id=session)
    assert sessions(chat)[session]["language"] == "bash"


def test_upload_alone_is_not_listed(chat):
    assert chat.upload("f.txt", "x")["session_id"] not in sessions(chat)


def test_delete(chat):
    run = chat.bash("echo 1 > a.txt", session_id="to-be-deleted").ok()
    entry = run.file("a.txt")
    answer = chat.proxy("DELETE", "/sessions/to-be-deleted")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Session 'to-be-deleted' deleted successfully",
    }
    assert "to-be-deleted" not in sessions(chat)
    check_error(chat.get_file("to-be-deleted", entry["id"]), 404)
    check_error(
        chat.proxy("DELETE", "/sessions/to-be-deleted"),
        404,
        "Session 'to-be-deleted' not found or already deleted",
    )
    # It may come again, empty.
    assert chat.bash("ls", session_id="to-be-deleted").ok().stdout == ""


def test_delete_of_nothing(chat):
    check_error(
        chat.proxy("DELETE", f"/sessions/{MISSING}"),
        404,
        f"Session '{MISSING}' not found or already deleted",
    )


@pytest.mark.parametrize("session", ["..", "%2e%2e", "a%2Fb", "x" * 200])
def test_delete_of_no_id(chat, session):
    assert chat.proxy("DELETE", f"/sessions/{session}").status_code in (400, 404, 422)


# Overlap.


def test_overlapping_runs_of_one_session_lose_nothing(chat_server):
    """They take turns: every one of them sees what those before it left."""
    count = 8

    def work(number):
        client = LibreChatApi(chat_server.base_url)
        code = f"ls f* 2>/dev/null | wc -l >> log; sleep 0.05; echo {number} > f{number}"
        run = client.bash(code, session_id="overlap").ok()
        client.close()
        return run

    with ThreadPoolExecutor(count) as pool:
        runs = list(pool.map(work, range(count)))
    for number, run in enumerate(runs):
        assert f"f{number}" in run.new_names
    last = LibreChatApi(chat_server.base_url)
    seen = last.bash("cat log; ls f* | wc -l", session_id="overlap").ok()
    last.close()
    assert [int(word) for word in seen.stdout.split()] == [*range(count), count]


def test_different_sessions_run_side_by_side(chat_server):
    """Two programs that end only when the other one runs: they cannot take turns."""
    results = []

    def work(session):
        client = LibreChatApi(chat_server.base_url)
        results.append(client.bash("sleep 1.5", session_id=session).ok())
        client.close()

    begin = time.monotonic()
    threads = [threading.Thread(target=work, args=(f"side-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and time.monotonic() - begin < 4 * 1.5


def test_run_while_the_session_is_deleted(chat_server, chat):
    """The program ends with its session, and nothing of either is left."""
    other = LibreChatApi(chat_server.base_url)
    chat.bash("echo 1 > before", session_id="busy").ok()
    with ThreadPoolExecutor(1) as pool:
        code = "echo 2 > during; sleep 4320.5"
        running = pool.submit(other.post_exec, lang="bash", code=code, session_id="busy")
        host.wait_for_marker("4320.5")
        assert chat.proxy("DELETE", "/sessions/busy").status_code == 200
        check_error(running.result(), 404, GONE.format("busy"))
    other.close()
    host.wait_until_marker_gone("4320.5")
    assert chat.bash("ls", session_id="busy").ok().stdout == ""


def test_deletions_and_runs_of_one_session(chat_server):
    """A run either sees nothing or all of one before it, or is told that it was deleted."""
    stop = threading.Event()

    def delete():
        client = LibreChatApi(chat_server.base_url)
        while not stop.is_set():
            assert client.proxy("DELETE", "/sessions/contested").status_code in (200, 404)
        client.close()

    client = LibreChatApi(chat_server.base_url)
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(delete)
        try:
            for _ in range(40):
                answer = client.post_exec(lang="bash", code="ls; touch a b", session_id="contested")
                if answer.status_code == 200:
                    assert answer.json()["stdout"] in ("", "a\nb\n")
                else:
                    check_error(answer, 404, GONE.format("contested"))
        finally:
            stop.set()
            deleting.result()
    client.close()


# Time to live.


def stored_bytes(state_dir):
    files = [path for path in (state_dir / "files").rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_time_to_live(chat_factory):
    """Counted from the creation, whatever happens meanwhile, but never during a run."""
    chat = chat_factory(CI_SESSION_TTL_MINUTES=1, CI_MAX_RUN_TIMEOUT_SECONDS=120)
    begin = time.monotonic()
    entry = chat.upload("in.txt", "x")
    run = chat.bash("echo 1 > a.txt", session_id="short").ok()
    other = LibreChatApi(chat.base_url)
    with ThreadPoolExecutor(1) as pool:
        long_run = pool.submit(
            other.bash, "echo 2 > b.txt; sleep 70; cat a.txt b.txt", session_id="short"
        )
        while time.monotonic() - begin < 50:
            assert chat.probe(entry).status_code == 200  # Use does not extend it.
            time.sleep(5)  # Time itself is under test.
        wait_until(lambda: chat.probe(entry).status_code == 404, 30, "the upload has expired")
        assert time.monotonic() - begin >= 59
        # The run that is under way keeps its files.
        assert long_run.result().ok().stdout == "1\n2\n"
    other.close()
    gone = run.file("a.txt")
    wait_until(
        lambda: chat.get_file("short", gone["id"]).status_code == 404, 30, "the session is gone"
    )
    assert chat.list_files_of("short") == [] and "short" not in sessions(chat)
    wait_until(
        lambda: not stored_bytes(chat.server.state_dir),
        30,
        "the bytes are gone",
    )


# Restarts.


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_sessions_outlive_the_server(chat_factory, how):
    chat = chat_factory()
    run = chat.bash("echo 1 > a.txt", session_id="lasting").ok()
    entry = chat.upload("in.txt", "x")
    getattr(chat.server, how)()
    again = chat_factory(state_dir=chat.server.state_dir)
    assert again.fetch(run.file("a.txt")) == b"1\n" and again.fetch(entry) == b"x"
    assert again.bash("cat a.txt", session_id="lasting").ok().stdout == "1\n"
    assert "lasting" in sessions(again)


def test_life_cycle_is_logged(chat_factory):
    chat = chat_factory()
    chat.bash("true", session_id="in-the-log").ok()
    chat.proxy("DELETE", "/sessions/in-the-log")
    lines = [line for line in chat.server.log().splitlines() if "in-the-log" in line]
    assert len(lines) >= 2, chat.server.log()[-3000:]
