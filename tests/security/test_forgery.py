"""Results come from wait and from pipes; user code cannot write one."""

import uuid

import pytest

from harness import host
from harness.payloads import payload


def test_forged_results(api):
    outcome = api.execute(payload("forge"))
    import json

    # Killing its init ends the sandbox, which is a truthful 137; else the program's own status.
    assert outcome.exit_code in (77, 137)
    first = outcome.stdout.splitlines()[0] if outcome.stdout else "{}"
    assert json.loads(first).get("written", []) == []
    assert outcome.files == []
    assert "forged" in outcome.stdout or outcome.exit_code == 137


def test_forged_events_stay_text(api):
    stream = api.stream(payload("forge"))
    assert stream.names().count("result") == 1
    assert stream.result["exit_code"] in (77, 137)
    assert stream.result["files"] == []


def test_killing_the_parent(api):
    code = "import os, signal\nprint(os.getppid(), flush=True)\nos.kill(os.getppid(), 9)\nprint('after')\nos._exit(5)"
    outcome = api.execute(code)
    assert outcome.exit_code in (1, 5, 137)


def test_exit_code_of_the_program_not_of_a_child(api):
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n    time.sleep(0.2)\n    os._exit(0)\n"
        "os._exit(9)"
    )
    assert api.execute(code).exit_code == 9


@pytest.mark.parametrize("how", ["execute", "stream"])
def test_daemon_after_exit(api, how):
    """A double-forked daemon that holds the output open neither delays nor survives the answer."""
    word = f"10987.{uuid.uuid4().int % 10**12:012d}"
    code = payload("survive")
    if how == "execute":
        outcome = api.execute(code, stdin=word, timeout_ms=60000).ok()
        assert outcome.stdout == "left\n" and outcome.duration_ms < 40000
    else:
        stream = api.stream(code, stdin=word, timeout_ms=60000)
        assert stream.stdout == "left\n" and not stream.result["timed_out"]
    host.wait_until_marker_gone(word)


def test_daemon_is_seen_while_it_may_live(api):
    """The probe of the test above finds such a process when there is one."""
    word = f"10988.{uuid.uuid4().int % 10**12:012d}"
    code = payload("survive") + "\nimport time\ntime.sleep(3)\n"
    with api.open_stream(code, stdin=word) as answer:
        assert host.wait_for_marker(word)
        assert answer.content
    host.wait_until_marker_gone(word)


def test_timed_out_cannot_be_faked_or_avoided(api):
    code = "import os, signal\nfor s in range(1, 65):\n    try:\n        signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError):\n        pass\nwhile True:\n    signal.pause()"
    outcome = api.execute(code, timeout_ms=1000)
    assert outcome.timed_out and outcome.exit_code is None
