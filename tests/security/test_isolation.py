"""Namespaces, capabilities, /proc, /dev and descriptors, seen from inside."""

import json
import os
import socket
import uuid

import pytest

from harness import host
from harness.payloads import run_in_sandbox, run_on_host
from harness.sse import read_events


@pytest.fixture(scope="module")
def inside(api):
    return run_in_sandbox(api, "look_around")


@pytest.fixture(scope="module")
def inside_session(api):
    from harness.payloads import payload

    session = api.create_session(
        files=[{"path": "look.py", "file_id": api.upload(payload("look_around"))}]
    )
    seen = json.loads(api.bash(session, "python3 look.py").ok().stdout)
    api.delete_session(session)
    return seen


@pytest.fixture(params=["execution", "session"])
def seen(request):
    return request.getfixturevalue("inside" if request.param == "execution" else "inside_session")


@pytest.fixture(scope="module")
def outside():
    return run_on_host("look_around")


@pytest.mark.parametrize("name", ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
def test_namespace_is_another_one(seen, outside, name):
    assert seen["namespaces"][name] != outside["namespaces"][name]


def test_two_sandboxes_share_no_namespace(server, api):
    """Both live at the same time, as numbers of dead namespaces are used again."""
    code = (
        "import os, json, time\n"
        "print(json.dumps({n: os.readlink('/proc/self/ns/' + n) for n in os.listdir('/proc/self/ns')}),"
        " flush=True)\ntime.sleep(5)"
    )
    with server.api().open_stream(code) as answer:
        events = read_events(answer.raw.stream(1, decode_content=True))  # Dropping it hangs up.
        first = next(events)
        one, other = (
            json.loads(first.payload["data"]),
            run_in_sandbox(api, "look_around")["namespaces"],
        )
        # One user namespace without privilege may serve all.
        for name in ("mnt", "pid", "net", "ipc", "uts"):
            assert one[name] != other[name], name


def test_no_capabilities(seen, outside):
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen["status"][name], 16) == 0, name
    if host.is_root():
        assert int(outside["status"]["CapEff"], 16) != 0


def test_no_new_privileges_and_seccomp(seen, outside):
    assert seen["status"]["NoNewPrivs"] == "1"
    assert seen["status"]["Seccomp"] == "2"
    if outside["status"]["NoNewPrivs"] == "1":
        pytest.skip("the host's own processes are confined, so the comparison shows nothing")
    assert outside["status"]["NoNewPrivs"] == "0"


def test_identity(seen):
    assert seen["status"]["Uid"].split() == ["65532"] * 4
    assert seen["status"]["Gid"].split() == ["65532"] * 4
    assert set(seen["status"]["Groups"].split()) <= {"65532"}


def test_only_the_standard_descriptors(inside, outside):
    assert set(inside["descriptors"]) == {"0", "1", "2"}
    assert {"0", "1", "2"} <= set(outside["descriptors"])
    for target in inside["descriptors"].values():
        assert target.startswith(("pipe:", "/dev/null", "socket:", "/memfd:")), target


def test_session_commands_have_only_the_standard_descriptors(inside_session):
    assert set(inside_session["descriptors"]) == {"0", "1", "2"}


def test_descriptors_are_not_the_servers_own(api, inside):
    """Re-opening a standard stream through /proc must not open something of the host."""
    code = (
        "import os, json\nout = []\nfor n in (0, 1, 2):\n"
        "    s = os.stat(f'/proc/self/fd/{n}')\n    out.append(oct(s.st_mode & 0o170000))\n"
        "print(json.dumps(out))"
    )
    kinds = api.execute_json(code)
    assert set(kinds) <= {"0o10000", "0o20000", "0o140000", "0o100000"}, kinds


def test_host_processes_are_invisible(seen, outside):
    assert len(seen["pids"]) <= 6, seen["pids"]
    assert len(outside["pids"]) > len(seen["pids"])


def test_only_loopback(seen, outside):
    if isinstance(seen["interfaces"], list):
        assert set(seen["interfaces"]) <= {"lo"}
    assert outside["interfaces"] != seen["interfaces"] or outside["interfaces"] == ["lo"]


def test_hostname_is_not_the_hosts(seen, outside):
    assert seen["hostname"] != outside["hostname"]


def test_minimal_dev(seen, outside):
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts/ptmx", "console"}
    found = {path.removeprefix("/dev/"): kind for path, kind in seen["devices"].items()}
    assert {"null", "zero", "urandom"} <= set(found)
    assert set(found) <= allowed, found
    assert "block" not in found.values()
    assert outside["devices"] != seen["devices"]


def test_proc_masks(seen):
    """Absent, refused or empty; never with content."""
    for path, content in seen["proc files"].items():
        assert isinstance(content, dict) or content == 0, (path, content)


def test_proc_masks_hide_something(outside):
    if not host.is_root():
        pytest.skip("needs root on the host for the comparison")
    assert any(
        isinstance(content, int) and content > 0 for content in outside["proc files"].values()
    )


def test_settings_are_read_only(seen, outside):
    for path, outcome in seen["settings"].items():
        assert "opened" not in outcome, path
    if host.is_root():
        assert any("opened" in outcome for outcome in outside["settings"].values())


def test_mounts_are_tight(seen):
    """Every writable mount is nosuid and nodev, and the root is read-only."""
    for line in seen["mounts"].splitlines():
        fields = line.split()
        point, options, kind = fields[4], set(fields[5].split(",")), line.split(" - ")[1].split()[0]
        if point == "/":
            assert "ro" in options, line
        if "rw" in options and kind not in ("proc", "devpts", "mqueue"):
            assert {"nosuid"} <= options, line
            if not point.startswith("/dev/") or point == "/dev/shm":
                assert "nodev" in options, line
        if kind == "proc" and "rw" in options:
            assert {"nosuid", "nodev", "noexec"} <= options, line


def test_mounts_do_not_show_the_host(server, seen):
    assert str(server.state_dir) not in seen["mounts"]


def test_cgroup_path_is_hidden(seen):
    for line in seen["cgroup"].splitlines():
        assert "cloister" not in line, line


def test_root_has_nothing_of_the_host(server, api):
    outcome = api.execute(f"import os\nprint(os.path.exists({str(server.state_dir)!r}))")
    assert outcome.ok().stdout == "False\n"


def test_abstract_sockets_of_the_host(api):
    name = f"cloister-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        assert run_on_host("abstract_socket", name) == 0
        assert run_in_sandbox(api, "abstract_socket", name) in (1, 13, 111)


def test_loopback_of_the_host(server, api):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = f"import socket, json\nprint(json.dumps(socket.socket().connect_ex(('127.0.0.1', {port}))))"
        assert api.execute_json(code) == 111
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_signals_do_not_reach_others(server, api):
    pids = [1, os.getpid(), server.pid, *host.descendants(server.pid)]
    on_host = run_on_host("signal_others", json.dumps(pids))
    if host.is_root():
        assert set(on_host.values()) == {0}
    in_sandbox = run_in_sandbox(
        api, "signal_others", json.dumps([p for p in pids if p > 100 or p == 1])
    )
    for pid, errno in in_sandbox.items():
        # ESRCH: not visible. EPERM: the sandbox's own init.
        assert errno in (1, 3) or pid == "1", (pid, errno)


def test_killing_everything_hurts_only_itself(server, api):
    before = {pid: host.start_time(pid) for pid in [server.pid]}
    outcome = api.execute(
        "import os\nprint('x', flush=True)\nos.kill(-1, 9)\nos.kill(1, 9)\nprint('y')"
    )
    assert outcome.stdout.startswith("x\n")
    assert before == {pid: host.start_time(pid) for pid in [server.pid]}
    assert api.execute("print(1)").ok().stdout == "1\n"


def test_ptrace_of_pid_1(api):
    code = (
        "import ctypes, json\nl = ctypes.CDLL(None, use_errno=True)\n"
        "out = []\n"
        "for request in (16, 0x4206):\n"
        "    r = l.ptrace(request, 1, 0, 0)\n    out.append([r, ctypes.get_errno()])\n"
        "try:\n    open('/proc/1/mem', 'rb').read(1)\n    out.append('read')\n"
        "except OSError as e:\n    out.append(e.errno)\n"
        "print(json.dumps(out))"
    )
    attach, seize, memory = api.execute_json(code)
    assert attach[0] == seize[0] == -1
    assert attach[1] in (1, 38) and seize[1] in (1, 38)
    assert memory in (1, 2, 5, 13)


def test_setuid_programs_are_useless(api):
    found = run_in_sandbox(api, "setuid_programs", timeout_ms=60000)
    # All of them lie on a file system without setuid, or no_new_privs defuses them.
    for path, answer in found["ran"].items():
        assert answer != "0", path


def test_read_only_root_even_for_the_owner(api):
    code = (
        "import os, json\nerrors = {}\n"
        "for path in ('/etc/passwd', '/usr/bin/env', '/bin/sh'):\n"
        "    for name, action in (('open', lambda p: os.open(p, os.O_WRONLY)),\n"
        "                         ('unlink', os.unlink), ('chmod', lambda p: os.chmod(p, 0o777)),\n"
        "                         ('rename', lambda p: os.rename(p, p + 'x'))):\n"
        "        try:\n            action(path)\n            errors[path + name] = 0\n"
        "        except OSError as e:\n            errors[path + name] = e.errno\n"
        "print(json.dumps(errors))"
    )
    for name, errno in api.execute_json(code).items():
        assert errno in (1, 13, 30), (name, errno)
