"""Section 8.5: exit codes, signals and resource limits."""

import pytest

SIGNALS = {"SIGHUP": 1, "SIGQUIT": 3, "SIGILL": 4, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8}
SIGNALS |= {"SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGPIPE": 13, "SIGALRM": 14, "SIGTERM": 15}


@pytest.mark.parametrize("status", [0, 1, 2, 42, 127, 128, 137, 255])
def test_normal_exit(api, status):
    assert api.execute(f"import os\nos._exit({status})").exit_code == status


@pytest.mark.parametrize("name, number", SIGNALS.items())
def test_death_by_signal(api, name, number):
    code = (
        "import os, signal, sys\nprint('before')\n"
        f"if signal.{name} not in (signal.SIGKILL,):\n"
        f"    signal.signal(signal.{name}, signal.SIG_DFL)\n"
        f"os.kill(os.getpid(), signal.{name})\nprint('after')"
    )
    outcome = api.execute(code)
    assert (outcome.exit_code, outcome.timed_out) == (128 + number, False)
    assert outcome.stdout == "before\n"


def test_real_segmentation_fault(api):
    outcome = api.execute("import ctypes\nprint('x')\nctypes.string_at(0)")
    assert (outcome.exit_code, outcome.stdout) == (139, "x\n")


def test_abort(api):
    assert api.execute("import os\nos.abort()").exit_code == 134


def test_cpu_limit(server_factory):
    api = server_factory(CPU_TIME_LIMIT_SEC=1).api()
    outcome = api.execute("print('spin')\nwhile True: pass", timeout_ms=60000)
    assert (outcome.exit_code, outcome.timed_out) == (137, False)
    assert outcome.stdout == "spin\n"


def test_cpu_limit_is_per_process(server_factory):
    api = server_factory(CPU_TIME_LIMIT_SEC=1).api()
    code = (
        "import subprocess, sys, resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU))\n"
        "print(subprocess.run([sys.executable, '-c', 'while True: pass']).returncode)"
    )
    outcome = api.execute(code, timeout_ms=60000).ok()
    assert outcome.stdout == "(1, 1)\n-9\n"


def test_default_cpu_limit(api):
    code = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU))"
    assert api.execute(code).stdout == "(5, 5)\n"


def test_memory_limit(api):
    code = "print('grow')\nkept = []\nwhile True: kept.append(bytearray(1 << 20))"
    outcome = api.execute(code, timeout_ms=60000)
    # A refused allocation would be a MemoryError with exit code 1; the contract says killed.
    assert (outcome.exit_code, outcome.timed_out) == (137, False)
    assert outcome.stdout == "grow\n"


def test_memory_below_the_limit_is_usable(api):
    code = "b = bytearray(150 << 20)\nprint(len(b))"
    assert api.execute(code).ok().stdout == f"{150 << 20}\n"


def test_workspace_counts_against_memory(api):
    code = (
        "with open('big', 'wb') as f:\n    for _ in range(1024):\n        f.write(bytes(1 << 20))\n"
        "print('written')"
    )
    outcome = api.execute(code, timeout_ms=60000)
    assert outcome.stdout == ""
    assert outcome.exit_code in (1, 137)
    if outcome.exit_code == 1:
        assert "No space left" in outcome.stderr or "MemoryError" in outcome.stderr


def test_files_survive_a_killed_program(api):
    outcome = api.execute("import os\nopen('kept', 'w').write('x')\nos.kill(os.getpid(), 9)")
    assert outcome.exit_code == 137
    assert api.output(outcome, "kept") == b"x"


def test_server_serves_on_after_limits(api):
    assert api.execute("print('fine')").ok().stdout == "fine\n"
