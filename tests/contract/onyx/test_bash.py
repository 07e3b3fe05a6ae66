"""Section 7: bash in a session."""

import threading
import time
import uuid

import pytest

from harness import host


@pytest.fixture
def session(api):
    made = api.create_session()
    yield made
    api.delete(f"/v1/sessions/{made}")


def unique_seconds():
    return f"43210.{uuid.uuid4().int % 10**12:012d}"


def test_answer(api, session):
    outcome = api.bash(session, "echo out; echo err >&2")
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("out\n", "err\n", 0)


def test_empty_command(api, session):
    outcome = api.bash(session, "")
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("", "", 0)


def test_files_persist_and_shell_state_does_not(api, session):
    api.bash(session, "echo 1 > f; mkdir d; cd d; X=5; export Y=6; g() { echo g; }; umask 077").ok()
    outcome = api.bash(session, 'pwd; cat f; echo "<$X$Y>"; umask; type g')
    assert outcome.stdout == "/workspace\n1\n<>\n0022\n"
    assert outcome.exit_code == 1


@pytest.mark.parametrize(
    "cmd, status",
    [
        ("exit 7", 7),
        ("false", 1),
        ("no_such_command_at_all", 127),
        ("touch plain; ./plain", 126),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("sh -c 'kill -SEGV $$'", 139),
        ("if", 2),
    ],
)
def test_exit_codes(api, session, cmd, status):
    outcome = api.bash(session, cmd)
    assert (outcome.exit_code, outcome.timed_out) == (status, False)


def test_unknown_command_says_so(api, session):
    assert "command not found" in api.bash(session, "no_such_command_at_all").stderr


def test_stdin_is_at_its_end(api, session):
    assert api.bash(session, "cat; read x; echo $?").stdout == "1\n"


def test_it_is_not_a_login_shell(api, session):
    outcome = api.bash(
        session, "shopt -q login_shell && echo login; [[ $- == *i* ]] && echo i; echo $0"
    )
    assert outcome.stdout == "bash\n"


def test_user_environment_and_directory(api, session):
    outcome = api.bash(session, "id -u; id -g; id -G; pwd; echo $HOME $PYTHONUNBUFFERED; ulimit -t")
    assert outcome.stdout == "65532\n65532\n65532\n/workspace\n/ 1\n5\n"


def test_command_printing_the_engine_errors_is_not_a_404(api, session):
    for text in ("no such container", "container abc is not running"):
        outcome = api.bash(session, f"echo {text} >&2; exit 1")
        assert (outcome.exit_code, outcome.stderr) == (1, f"{text}\n")


def test_unicode_and_quotes(api, session):
    outcome = api.bash(session, "printf '%s' 'é漢😀' \"a'b\"; printf '\\xff'")
    assert outcome.stdout == "é漢😀a'b\ufffd"


def test_python_in_a_session(api, session):
    api.bash(session, 'python3 -c \'open("n", "w").write(str(6 * 7))\'').ok()
    assert api.bash(session, "cat n").stdout == "42"


def test_timeout_keeps_output_and_the_session(api, session):
    outcome = api.bash(session, "echo so far; sleep 60; echo never", timeout_ms=1500)
    assert outcome.timed_out and outcome.exit_code is None
    assert outcome.stdout == "so far\n"
    assert api.bash(session, "echo alive").ok().stdout == "alive\n"


STARTED = {
    "foreground": "sleep {s}",
    "background": "sleep {s} & wait",
    "nohup": "nohup sleep {s} >/dev/null 2>&1 & sleep 60",
    "setsid": "setsid sleep {s} & sleep 60",
    "setsid fork": "setsid -f sleep {s}; sleep 60",
    "orphan": "(sleep {s} &) ; sleep 60",
    "orphan of an orphan": "(setsid bash -c '(setsid sleep {s} >/dev/null 2>&1 &)' &); sleep 60",
    "ignores signals": "trap '' TERM HUP INT; sleep {s}",
    "stopped": "sleep {s} & kill -STOP $!; sleep 60",
}


@pytest.mark.parametrize("kind", STARTED)
def test_timeout_ends_all_that_the_command_started(server, api, session, kind):
    """And only that: another command's background process in the session lives on."""
    other, marker = unique_seconds(), unique_seconds()
    api.bash(session, f"sleep {other} >/dev/null 2>&1 &").ok()
    outcomes = []
    thread = threading.Thread(
        target=lambda: outcomes.append(
            server.api().bash(session, STARTED[kind].replace("{s}", marker), timeout_ms=4000)
        )
    )
    thread.start()
    # The probe works: the process is seen before the time-out.
    host.wait_for_marker(marker)
    thread.join(timeout=60)
    assert outcomes and outcomes[0].timed_out
    host.wait_until_marker_gone(marker)
    assert host.processes_with(other)


def test_background_process_survives_a_normal_call(api, session):
    marker = unique_seconds()
    outcome = api.bash(session, f"sleep {marker} >/dev/null 2>&1 & echo started")
    assert outcome.ok().stdout == "started\n"
    api.bash(session, "true").ok()
    assert host.processes_with(marker)
    api.delete_session(session)
    host.wait_until_marker_gone(marker)


def test_background_process_that_holds_stdout_does_not_hang_the_call(api, session):
    marker = unique_seconds()
    begin = time.monotonic()
    outcome = api.bash(session, f"sleep {marker} & echo started", timeout_ms=30000)
    assert outcome.stdout == "started\n"
    # Either the command is over when bash is, or the call runs into its own limit; never longer.
    assert time.monotonic() - begin < 60


def test_calls_run_in_parallel(server, api, session):
    """Each of two commands waits for a file that the other one makes."""
    results = []

    def run(mine, theirs):
        cmd = f"touch {mine}; until [ -e {theirs} ]; do sleep 0.02; done; echo {mine}"
        results.append(server.api().bash(session, cmd, timeout_ms=30000))

    threads = [threading.Thread(target=run, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.stdout for outcome in results) == ["a\n", "b\n"]
    assert all(outcome.exit_code == 0 for outcome in results)


def test_client_that_goes_away_ends_the_command(server, api, session):
    marker = unique_seconds()
    import json

    from harness.raw import RawConnection

    connection = RawConnection(server.port)
    body = json.dumps({"cmd": f"sleep {marker}", "timeout_ms": 60000}).encode()
    connection.send(
        f"POST /v1/sessions/{session}/bash HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    host.wait_for_marker(marker)
    connection.close()
    host.wait_until_marker_gone(marker, timeout_s=10)
    assert api.bash(session, "echo alive").ok().stdout == "alive\n"


def test_large_command_and_output(api, session):
    text = "x" * 100_000
    assert api.bash(session, f"printf %s {text}").ok().stdout == text


def test_tools_of_the_image(api, session):
    outcome = api.bash(
        session,
        "for t in bash tar gzip ls wc sed grep find sort cut head tail cat python3; do\n"
        "command -v $t >/dev/null || echo missing $t; done",
    )
    assert outcome.ok().stdout == ""
