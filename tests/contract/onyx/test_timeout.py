"""Section 8.3: the wall clock limit, and that it ends everything."""

import uuid

import pytest

from harness import host

SURVIVORS = {
    "child": "import subprocess\nsubprocess.Popen({argv})",
    "own session": "import subprocess\nsubprocess.Popen({argv}, start_new_session=True)",
    "nohup": "import subprocess\nsubprocess.Popen(['nohup', *{argv}])",
    "double fork": (
        "import os\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for fd in (0, 1, 2):\n            os.close(fd)\n"
        "        os.execvp({argv}[0], {argv})\n"
        "    os._exit(0)\n"
        "os.wait()"
    ),
    "ignores signals": (
        "import signal, subprocess\n"
        "for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "    signal.signal(s, signal.SIG_IGN)\n"
        "subprocess.Popen({argv}, restore_signals=False)"
    ),
}


def sleeper():
    """A command line that is found on the host by its odd number of seconds."""
    marker = f"98765.{uuid.uuid4().int % 10**12:012d}"
    return marker, ["sleep", marker]


def test_timeout_keeps_output_and_files(api):
    outcome = api.execute(
        "import sys, time\nprint('out')\nprint('err', file=sys.stderr)\n"
        "open('partial.txt', 'w').write('so far')\n"
        "f = open('held.txt', 'w')\nf.write('flushed')\nf.flush()\ntime.sleep(60)",
        timeout_ms=2000,
    )
    assert outcome.timed_out and outcome.exit_code is None
    assert (outcome.stdout, outcome.stderr) == ("out\n", "err\n")
    assert outcome.paths == ["held.txt", "partial.txt"]
    assert api.output(outcome, "partial.txt") == b"so far"
    assert api.output(outcome, "held.txt") == b"flushed"
    assert 1900 <= outcome.duration_ms < 30000


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import sys\nwhile True: sys.stdout.write('x' * 10000)",
        "import subprocess\nsubprocess.run(['sleep', '60'])",
        "import threading\nthreading.Event().wait()",
    ],
)
def test_every_kind_of_program_is_ended(api, code):
    outcome = api.execute(code, timeout_ms=700)
    assert outcome.timed_out and outcome.exit_code is None
    assert outcome.duration_ms < 30000


def test_sleeping_in_the_last_expression(api):
    outcome = api.execute("import time\ntime.sleep(60)", timeout_ms=500, last_line_interactive=True)
    assert outcome.timed_out


def test_program_that_ends_in_time_has_an_exit_code(api):
    outcome = api.execute("import time\ntime.sleep(0.5)\nprint('x')", timeout_ms=30000).ok()
    assert outcome.duration_ms >= 400


@pytest.mark.parametrize("kind", SURVIVORS)
def test_nothing_runs_after_a_timeout(api, kind):
    marker, argv = sleeper()
    code = SURVIVORS[kind].replace("{argv}", repr(argv)) + "\nimport time\ntime.sleep(60)"
    with api.open_stream(code, timeout_ms=4000) as answer:
        # The probe is known to work: the process is seen while the program runs.
        assert host.wait_for_marker(marker)
        answer.content  # pylint: disable=pointless-statement
    host.wait_until_marker_gone(marker)


@pytest.mark.parametrize("kind", SURVIVORS)
def test_nothing_runs_after_a_normal_end(api, kind):
    """A background process does not keep the run open, and does not outlive it."""
    marker, argv = sleeper()
    code = SURVIVORS[kind].replace("{argv}", repr(argv)) + (
        "\nimport sys, time\nprint('wait', flush=True)\nsys.stdin.read()\ntime.sleep(3)"
    )
    with api.open_stream(code, timeout_ms=30000) as answer:
        assert host.wait_for_marker(marker)
        assert b'"timed_out":false' in answer.content
    host.wait_until_marker_gone(marker)


def test_daemon_that_holds_stdout_open_does_not_delay_the_answer(api):
    marker, argv = sleeper()
    outcome = api.execute(
        f"import subprocess\nsubprocess.Popen({argv!r}, start_new_session=True)\nprint('done')"
    ).ok()
    assert outcome.stdout == "done\n"
    assert outcome.duration_ms < 20000
    host.wait_until_marker_gone(marker)


def test_stream_ends_with_a_timed_out_result(api):
    stream = api.stream("import time\nprint('tick')\ntime.sleep(60)", timeout_ms=1500)
    assert stream.stdout == "tick\n"
    assert stream.result["timed_out"] is True and stream.result["exit_code"] is None


def test_smaller_maximum(server_factory):
    api = server_factory(MAX_EXEC_TIMEOUT_MS=5000).api()
    answer = api.post("/v1/execute", json={"code": "", "timeout_ms": 5001})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "timeout_ms exceeds maximum of 5000 ms"
    assert api.execute("print(1)", timeout_ms=5000).stdout == "1\n"
