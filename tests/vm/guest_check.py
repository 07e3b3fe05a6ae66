"""Drives the server inside the virtual machine; ends with 0 when every check holds."""

import fcntl
import glob
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

BASE = "http://127.0.0.1:8000"
SERVER = ["/opt/cloister/ld-linux-x86-64.so.2", "--library-path", "/opt/cloister"]
SERVER += ["/opt/cloister/cloister"]
UNIT = "/sys/fs/cgroup/unit/cloister"
failures = 0


def check(name, holds, shown=""):
    global failures
    failures += not holds
    print(f"{'ok' if holds else 'FAILED'}: {name} {'' if holds else shown}", flush=True)


def bring_loopback_up():
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x49, b""))  # SIOCSIFFLAGS


def request(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    made = urllib.request.Request(BASE + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(made, timeout=120) as answer:
        return json.load(answer)


def wait_until_it_serves():
    """Also until the interpreters have loaded their modules, which takes long in emulation."""
    quick = 0
    for _ in range(480):
        try:
            begin = time.monotonic()
            request("/ready")
            quick = quick + 1 if time.monotonic() - begin < 1 else 0
            if quick == 5:
                return request("/health")
        except (urllib.error.URLError, ConnectionError):
            quick = 0
        time.sleep(0.5)  # The start gives no event to this process.
    raise SystemExit("the server does not serve")


def execute(code):
    return request("/v1/execute", {"code": code, "timeout_ms": 60000})


def check_executions():
    check("a program runs", execute("6 * 7")["stdout"] == "42\n")
    check("its cgroup path is hidden", execute("print(open('/proc/self/cgroup').read())")["stdout"]
          == "0::/\n\n")
    bomb = "kept = []\nwhile True: kept.append(bytearray(8 << 20))"
    check("memory is limited", execute(bomb)["exit_code"] == 137)
    forks = (
        "import os, time\nn = 0\ntry:\n    while True:\n        if os.fork() == 0:\n"
        "            time.sleep(60)\n        n += 1\nexcept OSError:\n    print(n)"
    )
    check("processes are limited", execute(forks)["stdout"] == "63\n")
    check("numpy works", execute("import numpy\nnumpy.zeros(2).tolist()")["stdout"] == "[0.0, 0.0]\n")


def check_session():
    path = f"/v1/sessions/{request('/v1/sessions', {})['session_id']}/bash"
    answer = request(path, {"cmd": "sleep 1000 & cat /proc/self/cgroup", "timeout_ms": 60000})
    check("a session's command runs in a hidden cgroup", answer["stdout"] == "0::/\n", answer)
    code = "x=[]\nwhile True: x.append(bytearray(8<<20))"
    answer = request(path, {"cmd": f"python3 -c '{code}'", "timeout_ms": 60000})
    check("a session's memory is limited", answer["exit_code"] == 137, answer)


def check_limits():
    for file, value in {"memory.swap.max": "0", "pids.max": "64", "cpu.max": "100000 100000"}.items():
        leaves = glob.glob(f"{UNIT}/*/s*/{file}")
        seen = {open(leaf).read().strip() for leaf in leaves}
        check(f"{file} is {value}", seen == {value}, seen)


def round_of_checks():
    server = subprocess.Popen([*SERVER, "serve"], stdout=subprocess.DEVNULL)
    isolation = wait_until_it_serves()["isolation"]
    check("every layer is armed", set(isolation.values()) == {"armed"}, isolation)
    check_executions()
    check_session()
    check_limits()
    server.send_signal(signal.SIGTERM)
    check("the server ends in order", server.wait(timeout=60) == 0)
    check("no leaf is left", not glob.glob(f"{UNIT}/*/s*"))


def main():
    bring_loopback_up()
    os.environ["CLOISTER_LOG_LEVEL"] = "warning"
    # The second start finds itself where the first has put it, and what that has left.
    for _ in range(2):
        round_of_checks()
    nested = glob.glob("/sys/fs/cgroup/unit/cloister-host/*/")
    check("a restart does not nest cgroups", not nested, nested)
    check("one instance is left at most", len(glob.glob(f"{UNIT}/*/")) <= 1)
    sys.exit(failures != 0)


main()
