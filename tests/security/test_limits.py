"""Bombs of every kind hit their limit, and the neighbour does not notice."""

import threading

import pytest

from harness.payloads import payload, run_in_sandbox, run_on_host

ENOSPC, EAGAIN = 28, 11


@pytest.fixture
def neighbour(server):
    """Another client's executions, all of which have to succeed while the test runs."""
    done = threading.Event()
    failures, count = [], []

    def work():
        client = server.api()
        while not done.is_set():
            try:
                outcome = client.execute("open('f', 'w').write('x')\nprint(6 * 7)").ok()
                assert outcome.stdout == "42\n" and outcome.paths == ["f"]
                count.append(1)
            except AssertionError as error:
                failures.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()
    assert not failures, failures[0]
    assert count


def test_fork_bomb(api, neighbour):
    found = run_in_sandbox(api, "fork_bomb", timeout_ms=60000)
    assert found["errno"] == EAGAIN
    assert 10 <= found["children"] <= 64


def test_the_host_would_let_it_fork_more():
    """The same loop on the host gets past the sandbox's number."""
    code = payload("fork_bomb").replace("< 5000", "< 200")
    assert "< 200" in code
    import json
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["children"] == 200


def test_fork_bomb_that_never_stops(api, neighbour):
    code = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    outcome = api.execute(code, timeout_ms=3000)
    assert outcome.timed_out or outcome.exit_code == 137
    assert api.execute("print(1)").ok().stdout == "1\n"


def test_thread_bomb(api, neighbour):
    code = (
        "import threading\nn = 0\ntry:\n    while n < 1000:\n"
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n        n += 1\n"
        "except RuntimeError:\n    pass\nprint(n)"
    )
    outcome = api.execute(code, timeout_ms=30000)
    assert int(outcome.stdout) <= 64


def test_memory_bomb_in_children(api, neighbour):
    """The limit is the sandbox's, not each process's."""
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        b = bytearray(100 << 20)\n        time.sleep(20)\n        os._exit(0)\n"
        "codes = [os.waitpid(-1, 0)[1] for _ in range(6)]\nprint(9 in [c & 127 for c in codes])"
    )
    outcome = api.execute(code, timeout_ms=60000)
    assert outcome.exit_code == 137 or outcome.stdout == "True\n"


def test_memory_file_bomb(api, neighbour):
    code = (
        "import os\nfd = os.memfd_create('m')\nos.set_blocking(fd, True)\n"
        "for _ in range(1000):\n    os.write(fd, bytes(1 << 20))\nprint('wrote a gigabyte')"
    )
    outcome = api.execute(code, timeout_ms=60000)
    assert outcome.stdout == ""
    assert outcome.exit_code in (1, 137, 153)


def fill(api, directory, most_bytes, most_files):
    import json

    request = json.dumps([directory, most_bytes, most_files])
    return run_in_sandbox(api, "fill", request, timeout_ms=60000)


@pytest.mark.parametrize("directory", ["/tmp", "/dev/shm"])
def test_tmpfs_is_full_at_its_limit(api, neighbour, directory):
    found = fill(api, directory, 150 << 20, 2_000_000)
    assert found["errno bytes"] == ENOSPC
    assert found["bytes"] <= 64 << 20
    # Inodes are limited as well.
    assert found["errno files"] == ENOSPC
    assert 100 <= found["files"] < 500_000


def test_the_host_has_room_for_more(tmp_path):
    import json

    found = run_on_host("fill", json.dumps([str(tmp_path), 80 << 20, 1000]))
    assert found["bytes"] == 80 << 20 and found["files"] == 1000


def test_workspace_inodes(api, neighbour):
    code = (
        "import os\nn = 0\ntry:\n    while n < 2_000_000:\n"
        "        os.close(os.open(f'/workspace/{n}', os.O_CREAT | os.O_WRONLY))\n        n += 1\n"
        "except OSError as e:\n    print(e.errno)\n"
        "for name in os.listdir('.'):\n    os.remove(name)"
    )
    outcome = api.execute(code, timeout_ms=60000)
    # Either the number of inodes or the memory behind them is limited, or the time is.
    assert outcome.stdout == "28\n" or outcome.exit_code == 137 or outcome.timed_out


def test_workspace_full_is_an_error_of_the_program_only(api, neighbour):
    """Filling the workspace beyond memory ends the program; the server serves on."""
    code = "f = open('big', 'wb', 0)\nwhile True:\n    f.write(bytes(1 << 20))"
    outcome = api.execute(code, timeout_ms=60000)
    assert outcome.exit_code in (1, 137)
    assert api.execute("print(1)").ok().stdout == "1\n"


def test_endless_output(api, neighbour):
    """Ten gigabytes or what two seconds give; only the first million bytes are kept."""
    outcome = api.execute(
        "import subprocess\nsubprocess.run('yes | head -c 10000000000', shell=True)",
        timeout_ms=2000,
    )
    assert outcome.timed_out or outcome.exit_code == 0
    assert outcome.stdout.startswith("y\ny\n")
    assert outcome.stdout.endswith("\n...[truncated]")
    assert len(outcome.stdout) == 999_983


def test_endless_output_in_a_stream(api):
    stream = api.stream("import os\nwhile True: os.write(1, b'y\\n' * 32768)", timeout_ms=2000)
    assert len(stream.stdout) == 1_000_000
    assert stream.result["timed_out"] is True


def test_open_files_are_limited(api):
    code = (
        "import os, json\nfds = []\ntry:\n    while len(fds) < 2_000_000:\n"
        "        fds.append(os.dup(0))\nexcept OSError as e:\n    print(json.dumps([len(fds), e.errno]))"
    )
    count, errno = api.execute_json(code)
    assert errno == 24 and count < 1_100_000


def test_no_core_files(api):
    outcome = api.execute(
        "import os, resource\nprint(resource.getrlimit(resource.RLIMIT_CORE))\nos.abort()"
    )
    # 1, not 0: only then the kernel does not start a core handler of the host either.
    assert outcome.stdout == "(1, 1)\n"
    assert outcome.files == []


def test_limits_cannot_be_raised(api):
    code = (
        "import resource\nfor name in ('RLIMIT_CPU', 'RLIMIT_CORE', 'RLIMIT_NOFILE'):\n"
        "    limit = getattr(resource, name)\n    soft, hard = resource.getrlimit(limit)\n"
        "    try:\n        resource.setrlimit(limit, (hard + 1, hard + 1))\n        print(name)\n"
        "    except (ValueError, PermissionError, OverflowError):\n        pass"
    )
    assert api.execute(code).ok().stdout == ""


def test_deep_recursion_of_directories_is_removed(api):
    """Clean-up of ten thousand levels neither fails nor blocks the next execution."""
    code = "import os\nfor _ in range(10_000):\n    os.mkdir('d')\n    os.chdir('d')\nprint('deep')"
    for _ in range(3):
        outcome = api.execute(code, timeout_ms=60000)
        assert outcome.stdout == "deep\n" or outcome.exit_code != 0
    assert api.execute("print(1)").ok().stdout == "1\n"
