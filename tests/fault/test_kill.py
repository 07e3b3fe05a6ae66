"""kill -9 at any moment loses no acknowledged file, and the next start cleans up after the last."""

import json
import os
import signal
import threading
import uuid
from pathlib import Path

import pytest
import requests

from harness import host
from harness.raw import RawConnection
from harness.waiting import wait_until


def start_long_run(server, marker):
    """An execution and a session command that run until they are killed."""
    connection = RawConnection(server.port)
    code = (
        "import subprocess\nopen('f', 'w').write('x')\n"
        f"subprocess.Popen(['setsid', 'sleep', '{marker}'])\nsubprocess.run(['sleep', '{marker}'])"
    )
    body = json.dumps({"code": code, "timeout_ms": 60000}).encode()
    connection.send(
        b"POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    session = server.api().create_session()
    server.api().bash(session, f"sleep {marker} >/dev/null 2>&1 &")
    wait_until(lambda: len(host.processes_with(marker)) >= 3, 20, "all three processes run")
    return connection


def test_kill_9_of_the_server(server_factory):
    marker = f"10123.{uuid.uuid4().int % 10**12:012d}"
    first = server_factory()
    kept = {first.api().upload(f"{i}".encode() * 1000): f"{i}".encode() * 1000 for i in range(5)}
    produced = first.api().execute("open('p', 'w').write('produced')").ok().file_id("p")
    start_long_run(first, marker)
    first.kill()
    second = server_factory(state_dir=first.state_dir)
    api = second.api()
    # Before it served, it removed what the first one left.
    host.wait_until_marker_gone(marker, timeout_s=10)
    first.verify_nothing_left()
    for file_id, data in kept.items():
        assert api.download(file_id) == data
    assert api.download(produced) == b"produced"
    assert set(api.list_files()) == {*kept, produced}
    assert api.execute("print('serves')").ok().stdout == "serves\n"
    assert api.bash(api.create_session(), "echo serves").ok().stdout == "serves\n"


def test_kill_9_alone_ends_the_sandboxes(server_factory):
    """The sandboxes do not outlive their server even when none is started again."""
    marker = f"10124.{uuid.uuid4().int % 10**12:012d}"
    server = server_factory()
    start_long_run(server, marker)
    server.kill()
    host.wait_until_marker_gone(marker, timeout_s=20)


@pytest.mark.slow
def test_kill_9_during_uploads(server_factory):
    """Every id that a client was given is there after the restart, with its bytes."""
    server = server_factory()
    state_dir, acknowledged = server.state_dir, {}
    for _ in range(3):
        failed = threading.Event()

        def upload(current=server, stop=failed):
            client = current.api()
            while not stop.is_set():
                data = os.urandom(20_000)
                try:
                    acknowledged[client.upload(data)] = data
                except requests.RequestException:
                    stop.set()

        threads = [threading.Thread(target=upload) for _ in range(4)]
        goal = len(acknowledged) + 20
        for thread in threads:
            thread.start()
        wait_until(lambda goal=goal: len(acknowledged) >= goal, 60, "some uploads")
        server.kill()
        for thread in threads:
            thread.join()
        server = server_factory(state_dir=state_dir)
    listed = server.api().list_files()
    assert set(acknowledged) <= set(listed)
    for file_id, data in acknowledged.items():
        assert server.api().download(file_id) == data


def test_sigterm_ends_in_time_while_programs_run(server_factory):
    marker = f"10125.{uuid.uuid4().int % 10**12:012d}"
    server = server_factory()
    start_long_run(server, marker)
    assert server.stop() == 0
    host.wait_until_marker_gone(marker)
    server.verify_nothing_left()


def find_launchers(server):
    return [
        pid for pid in host.descendants(server.pid) if b"launcher" in host.command_line(pid)
    ] or _by_name(server)


def _by_name(server):
    found = []
    for pid in host.descendants(server.pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if "launch" in file.read():
                    found.append(pid)
        except OSError:
            continue
    return found


def test_kill_9_of_the_launcher(server_factory):
    """The server cannot make another one without root, so it ends and says why; nothing is lost."""
    server = server_factory()
    launchers = find_launchers(server)
    assert launchers
    kept = server.api().upload(b"kept")
    server.observe()
    os.kill(launchers[0], signal.SIGKILL)
    server.was_killed = True  # The launcher removes its cgroups; a killed one leaves that to the next.
    assert server.process.wait(timeout=60) != 0
    assert "launcher" in server.log().lower()
    second = server_factory(state_dir=server.state_dir)
    assert second.api().download(kept) == b"kept"
    assert second.api().execute("6 * 7", last_line_interactive=True).ok().stdout == "42\n"


def test_health_turns_bad_and_good_with_no_server_restart(server_factory):
    """A bomb in every slot does not make the server unhealthy for good."""
    server = server_factory(MAX_CONCURRENT_EXECUTIONS=4)
    bomb = "kept = []\nwhile True: kept.append(bytearray(8 << 20))"
    clients = [
        threading.Thread(target=lambda: server.api().execute(bomb, timeout_ms=20000))
        for _ in range(4)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert server.api().get("/ready").status_code == 200
    assert server.api().execute("print(1)").ok().stdout == "1\n"


def test_second_server_on_the_same_state_is_refused_or_harmless(server_factory):
    """It must not clean away the sandboxes of the first one, which is alive."""
    first = server_factory()
    session = first.api().create_session()
    second = server_factory(state_dir=first.state_dir, ready=False)

    def decided():
        return second.process.poll() is not None or second._is_ready()

    wait_until(decided, 60, "the second server ends or serves")
    if second.process.poll() is not None:
        assert second.process.returncode != 0
        assert second.log().strip()
    assert first.api().bash(session, "echo alive").ok().stdout == "alive\n"
    assert first.api().execute("print(1)").ok().stdout == "1\n"


@pytest.mark.parametrize(
    "name, value",
    [
        ("PORT", "seventy"),
        ("PORT", "70000"),
        ("MAX_OUTPUT_BYTES", "-1"),
        ("MAX_CONCURRENT_EXECUTIONS", "0"),
        ("MEMORY_LIMIT_MB", "lots"),
    ],
)
def test_bad_setting_stops_the_start_and_is_named(server_factory, name, value):
    server = server_factory(ready=False, **{name: value})
    assert server.process.wait(timeout=30) != 0
    assert name in server.log()


@pytest.mark.parametrize("name", ["MAX_OUTPUT_BYTES", "LOG_LEVEL", "FILE_TTL_SEC"])
def test_empty_setting_counts_as_unset(server_factory, name):
    server = server_factory(**{name: ""})
    assert server.api().execute("print(1)").ok().stdout == "1\n"


def zygotes_of(server):
    """Pids of the interpreters that only fork: they share the launcher's PID namespace."""
    found = []
    for pid in host.descendants(server.process.pid):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            levels = next(
                line.split()[1:]
                for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("NSpid:")
            )
        except (OSError, StopIteration):
            continue
        if command[:2] == [b"python3", b"/proc/self/fd/4"] and len(levels) == 2:
            found.append(pid)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the zygotes' namespaces")
def test_kill_9_of_each_zygote(server_factory):
    """Every interpreter that forks is replaced, by one that forks again."""
    server = server_factory()
    api = server.api()
    program = "import numpy\nimport matplotlib.pyplot\nprint(numpy.zeros(2).tolist())"
    assert api.execute(program, timeout_ms=20000).ok().stdout == "[0.0, 0.0]\n"
    zygotes = zygotes_of(server)
    assert len(zygotes) == 3
    for pid in zygotes:
        os.kill(pid, signal.SIGKILL)

    def works():
        answer = api.post("/v1/execute", json={"code": program, "timeout_ms": 20000}, timeout=60)
        return answer.status_code == 200 and answer.json()["stdout"] == "[0.0, 0.0]\n"

    wait_until(lambda: works() and len(zygotes_of(server)) == 3, 60, "the zygotes are back")
    for _ in range(10):
        assert api.execute(program, timeout_ms=20000).ok().stdout == "[0.0, 0.0]\n"
