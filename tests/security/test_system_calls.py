"""Refused system calls: each is tried on the bare host too, where it must come further."""

import ast
import errno
import platform

import pytest

from harness.payloads import PAYLOADS, run_in_sandbox, run_on_host

EPERM, EACCES, ENOSYS, EAFNOSUPPORT, SIGSYS = 1, 13, 38, 97, 31


def refused(outcome):
    """Turned away before the kernel looked at the arguments, or for want of privilege."""
    if "signal" in outcome:
        return outcome["signal"] == SIGSYS
    return outcome["result"] == -1 and outcome["errno"] in (EPERM, EACCES, ENOSYS, EAFNOSUPPORT)


def names():
    """The names in the payload's tables, without running it."""
    tree = ast.parse((PAYLOADS / "syscalls.py").read_text())
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict) and len(node.keys) > 2]
    keys = [key.value for table in tables for key in table.keys]
    if platform.machine() != "x86_64":
        keys = [key for key in keys if key not in ("iopl", "ioperm", "x32 getpid")]
    return [f"socket {key}" if key.startswith("AF_") else key for key in keys]


@pytest.fixture(scope="module")
def on_host():
    return run_on_host("syscalls")


@pytest.fixture(scope="module")
def in_sandbox(api):
    return run_in_sandbox(api, "syscalls")


def test_the_probe_can_succeed(on_host):
    """Most calls get somewhere on the host, so the sandbox's refusals mean something."""
    allowed = [name for name, outcome in on_host.items() if not refused(outcome)]
    assert len(allowed) >= 10, on_host


@pytest.mark.parametrize("name", names())
def test_refused(on_host, in_sandbox, name):
    assert refused(in_sandbox[name]), (name, in_sandbox[name], on_host[name])
    if refused(on_host[name]):
        pytest.skip("the bare host refuses it too, so this shows nothing about the sandbox")
    assert in_sandbox[name] != on_host[name]


def test_clone3_is_enosys(in_sandbox, on_host):
    """With any other errno glibc does not fall back to clone, and threads fail."""
    assert in_sandbox["clone3"] == {"result": -1, "errno": ENOSYS}
    assert on_host["clone3"]["errno"] != ENOSYS


def test_foreign_architecture(api):
    on_host = run_on_host("foreign_architecture")
    in_sandbox = run_in_sandbox(api, "foreign_architecture")
    if "unsupported" in on_host:
        pytest.skip("no foreign architecture on this processor")
    assert not in_sandbox.get("worked"), in_sandbox
    if not on_host.get("worked"):
        pytest.skip("the host's kernel has no 32-bit calls, so this shows nothing")


def test_ordinary_calls_work(api):
    """The filter is not simply closed."""
    code = (
        "import os, threading, socket, select, signal, json\n"
        "t = threading.Thread(target=lambda: None)\nt.start()\nt.join()\n"
        "r, w = os.pipe2(os.O_CLOEXEC)\ns = socket.socketpair()\ne = select.epoll()\n"
        "fd = os.memfd_create('x')\nos.eventfd(0)\n"
        "os.sched_getaffinity(0)\nos.getrandom(4)\n"
        "pid = os.posix_spawn('/bin/true', ['true'], {})\n"
        "print(json.dumps(os.waitpid(pid, 0)[1]))"
    )
    assert api.execute_json(code) == 0


def test_filter_cannot_be_replaced_by_a_weaker_one(api):
    """A second filter may be added, but the first one stays in force."""
    code = (
        "import ctypes, json, struct\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "allow = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))\n"
        "prog = struct.pack('HxxxxxxP', 1, ctypes.addressof(allow))\n"
        "libc.prctl(22, 2, prog, 0, 0)\n"
        "r = libc.unshare(0x10000000)\n"
        "print(json.dumps([r, ctypes.get_errno()]))"
    )
    result, errno = api.execute_json(code)
    assert result == -1 and errno in (EPERM, ENOSYS)


def test_inotify_of_the_host_cannot_be_used_up(api):
    """The kernel counts instances per host user, so a sandbox gets none."""
    code = (
        "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\n"
        "print(c.inotify_init1(0), ctypes.get_errno())"
    )
    assert api.execute(code).ok().stdout == f"-1 {errno.ENOSYS}\n"


@pytest.mark.parametrize("kind, protocol", [(1, 262), (2, 136), (1, 132), (3, 1), (5, 132)])
def test_only_tcp_and_udp_on_the_loopback(api, kind, protocol):
    """MPTCP, UDP-Lite, SCTP and raw sockets would reach far more of the kernel."""
    code = (
        f"import socket\ntry:\n    socket.socket(socket.AF_INET, {kind}, {protocol})\n"
        "    print('open')\nexcept OSError as e:\n    print(e.errno)\n"
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()"
    )
    assert api.execute(code).ok().stdout == f"{errno.EPERM}\n"


def test_a_program_cannot_make_children_for_the_zygote(api):
    """clone with CLONE_PARENT gives the child to the caller's parent."""
    clone_parent = 0x8000
    code = (
        "import ctypes, os, signal\nc = ctypes.CDLL(None, use_errno=True)\n"
        f"r = c.syscall(56, {clone_parent} | signal.SIGCHLD, 0, 0, 0, 0)\n"
        "if r == 0: os._exit(0)\nprint(r, ctypes.get_errno())"
    )
    assert api.execute(code).ok().stdout == f"-1 {errno.EPERM}\n"


def test_huge_pages_of_the_host_are_out_of_reach(api):
    code = (
        "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\n"
        "print(c.memfd_create(b'x', 4), ctypes.get_errno())\n"
        "print(c.memfd_create(b'x', 0) > 2)"
    )
    assert api.execute(code).ok().stdout == f"-1 {errno.EPERM}\nTrue\n"
