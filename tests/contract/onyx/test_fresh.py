"""CLOISTER_PYTHON_START=fresh: the same programs in interpreters of their own."""

import pytest

import harness.host as host
from harness.server import Server

from .test_last_line import SHOWN


@pytest.fixture(scope="module")
def fresh_api():
    server = Server({"CLOISTER_PYTHON_START": "fresh"}).start()
    yield server.api()
    server.close()


@pytest.mark.parametrize("code, stdout", SHOWN)
def test_shown(fresh_api, code, stdout):
    outcome = fresh_api.execute(code, timeout_ms=10000, last_line_interactive=True)
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == (stdout, "", 0)


def test_each_run_has_its_own_hash_seed(fresh_api):
    code = "print(hash('a'))"
    seen = {fresh_api.execute(code, timeout_ms=10000).ok().stdout for _ in range(4)}
    assert len(seen) == 4


def test_traceback_and_exit_code(fresh_api):
    outcome = fresh_api.execute("import sys\n1 / 0", timeout_ms=10000)
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("Traceback (most recent call last):\n")
    assert outcome.stderr.count("File ") == 1
    assert 'File "/workspace/__main__.py", line 2, in <module>' in outcome.stderr
    assert fresh_api.execute("raise SystemExit(7)", timeout_ms=10000).exit_code == 7


def test_files_come_back_without_the_main_file(fresh_api):
    outcome = fresh_api.execute("open('a.txt', 'w').write('x')", timeout_ms=10000)
    assert [file["path"] for file in outcome.files] == ["a.txt"]


def test_timeout_and_survivors(fresh_api):
    marker = "86543.000000017"
    code = (
        "import subprocess, time\n"
        f"subprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n"
        "print('started', flush=True)\ntime.sleep(60)"
    )
    outcome = fresh_api.execute(code, timeout_ms=3000)
    assert outcome.timed_out and outcome.exit_code is None
    assert outcome.stdout == "started\n"
    host.wait_until_marker_gone(marker)
