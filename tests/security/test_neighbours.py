"""One sandbox and another: no shared files, processes, memory or randomness."""

import collections
import json
import threading
import uuid

import pytest

from harness import host
from harness.payloads import run_in_sandbox, run_on_host

FRESH = 20


def test_randomness_differs_in_every_sandbox(api):
    """Children of one zygote must not share any generator's state."""
    runs = [run_in_sandbox(api, "randomness", timeout_ms=60000) for _ in range(FRESH)]
    by_source = collections.defaultdict(list)
    for run in runs:
        for name, value in run.items():
            by_source[name].append(value)
    assert len(by_source) >= 10
    for name, values in by_source.items():
        assert len(set(values)) == FRESH, f"{name} repeats"


def test_hash_seed_is_not_shared_by_all(api):
    """Children of one zygote may share a seed; the seed must not be the fixed one of no randomness."""
    code = "import sys\nprint(sys.flags.hash_randomization)"
    assert api.execute(code).ok().stdout == "1\n"


def test_addresses_are_randomized(api):
    code = "print(open('/proc/self/personality').read().strip())"
    outcome = api.execute(code)
    # ADDR_NO_RANDOMIZE is 0x0040000.
    if outcome.exit_code == 0:
        assert int(outcome.stdout, 16) & 0x0040000 == 0


def test_concurrent_sandboxes_see_neither_files_nor_processes(server, api):
    marker = f"20987.{uuid.uuid4().int % 10**12:012d}"
    secret = uuid.uuid4().hex
    holder = (
        "import subprocess\n"
        f"for d in ('/tmp', '/dev/shm', '/workspace'):\n    open(d + '/{secret}', 'w').write('x')\n"
        f"subprocess.run(['sleep', '{marker}'])"
    )
    with server.api().open_stream(holder, timeout_ms=30000):
        host.wait_for_marker(marker)
        spy = (
            "import os, json\nfiles = [os.path.join(b, n) for d in ('/tmp', '/dev/shm', '/workspace', '/var', '/run')\n"
            "         for b, _, ns in os.walk(d) for n in ns]\n"
            "lines = []\n"
            "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
            "    try:\n        lines.append(open(f'/proc/{pid}/cmdline').read())\n"
            "    except OSError:\n        pass\n"
            "print(json.dumps([files, lines]))"
        )
        files, lines = api.execute_json(spy)
        session = api.create_session()
        listed = api.bash(
            session, "find /tmp /dev/shm /workspace; cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
        )
        api.delete_session(session)
    assert not [path for path in files if secret in path]
    assert not [line for line in lines if marker in line]
    assert secret not in listed.stdout and marker not in listed.stdout


def test_shared_memory_and_queues_are_private(api):
    """System V objects of one sandbox are not found in the next."""
    make = "import ctypes\nl = ctypes.CDLL(None)\nprint(l.shmget(0x5151, 4096, 0o1666), l.semget(0x5151, 1, 0o1666))"
    look = (
        "import ctypes, json\nl = ctypes.CDLL(None)\n"
        "print(json.dumps([l.shmget(0x5151, 4096, 0), l.semget(0x5151, 1, 0)]))"
    )
    with api.open_stream(make + "\nimport time\nprint(flush=True)\ntime.sleep(3)") as answer:
        pieces = answer.raw.stream(1, decode_content=True)  # Dropping it hangs up.
        assert next(pieces)
        assert api.execute_json(look) == [-1, -1]


def test_memory_of_earlier_runs_is_not_visible(api):
    halves = [uuid.uuid4().hex, uuid.uuid4().hex]
    request = {"halves": halves, "plant": False}
    planted = json.dumps({"halves": halves, "plant": True})
    # The search finds what is there, on the host and in a sandbox.
    assert run_on_host("old_memory", planted)["hits"] >= 1
    assert run_in_sandbox(api, "old_memory", planted, timeout_ms=60000)["hits"] >= 1
    for _ in range(3):
        assert run_in_sandbox(api, "leave_secret", json.dumps(halves), timeout_ms=60000) == 20_000
        found = run_in_sandbox(api, "old_memory", json.dumps(request), timeout_ms=60000)
        assert found == {"hits": 0, "fresh clean": True}


def test_nothing_of_earlier_programs_in_the_interpreter(api):
    api.execute("import builtins, sys, json\nbuiltins.left = 1\nsys.left = 2\njson.left = 3").ok()
    code = "import builtins, sys, json\nprint(hasattr(builtins, 'left'), hasattr(sys, 'left'), hasattr(json, 'left'))"
    for _ in range(3):
        assert api.execute(code).ok().stdout == "False False False\n"


@pytest.mark.slow
def test_parallel_executions_get_their_own_results(server):
    """Many clients at once: every answer carries its own program's word and file."""
    failures = []

    def work(index):
        client = server.api()
        for number in range(6):
            word = f"{index}-{number}-{uuid.uuid4().hex}"
            outcome = client.execute(f"open('w', 'w').write({word!r})\nprint({word!r})").ok()
            if outcome.stdout != word + "\n" or client.output(outcome, "w") != word.encode():
                failures.append((word, outcome.stdout))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
