"""Starts the real server with settings of a test's own, and checks that it leaves nothing behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import host
from harness.client import Api
from harness.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = float(os.environ.get("CLOISTER_TEST_START_TIMEOUT_S", "60"))
STOP_TIMEOUT_S = 20


def find_binary():
    """CLOISTER_BIN, or the newest build."""
    named = os.environ.get("CLOISTER_BIN")
    if named:
        return Path(named).resolve()
    built = [
        REPOSITORY / "build" / preset / "src" / "bin" / "cloister" for preset in ("dev", "release")
    ]
    built = [path for path in built if path.is_file()]
    return max(built, key=lambda path: path.stat().st_mtime) if built else None


def find_images():
    """The image store that all test servers share, or None to leave it to the server."""
    named = os.environ.get("CLOISTER_IMAGES_DIR")
    if named:
        return Path(named)
    state = os.environ.get("CLOISTER_STATE_DIR")
    homes = [Path(state)] if state else []
    homes += [Path("/var/lib/cloister"), Path.home() / ".local" / "state" / "cloister"]
    homes += [Path.home() / ".local" / "share" / "cloister"]
    return next((home / "images" for home in homes if (home / "images").is_dir()), None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The server processes that are not closed yet.
STARTED = set()


class Server:
    """One server process with its own state directory.

    `settings` are environment variables. The state directory may be given to start a second server
    on what a first one left.
    """

    def __init__(self, settings=None, state_dir=None):
        self.settings = {name: str(value) for name, value in (settings or {}).items()}
        self.owns_state = state_dir is None
        self.state_dir = Path(state_dir or tempfile.mkdtemp(prefix="cloister-test-"))
        # The server gives up root before it opens its state.
        self.state_dir.chmod(0o755)
        images = find_images()
        if images and not (self.state_dir / "images").exists():
            (self.state_dir / "images").symlink_to(images.resolve())
        self.log_path = Path(tempfile.mkstemp(prefix="cloister-test-", suffix=".log")[1])
        self.process = None
        self.port = None
        self.seen_processes = {}
        self.seen_cgroups = set()
        self.was_killed = False

    # Life cycle.

    def start(self):
        for attempt in range(3):
            self.port = free_port()
            self._launch()
            if self._wait_ready():
                return self
            # Somebody else may have taken the port in between; anything else is a failure.
            if "in use" not in self.log().lower() or attempt == 2:
                break
        status, log = self.process.poll(), self.log()
        self.kill()
        raise AssertionError(f"the server did not become ready (exit status {status}):\n{log}")

    def launch_only(self):
        """Starts the process without waiting for it to become ready."""
        self.port = free_port()
        self._launch()
        return self

    def _launch(self):
        binary = find_binary()
        host.adopt_orphans()
        if self.process:
            STARTED.discard(self.process.pid)
        assert binary and binary.is_file(), "no server binary; build it or set CLOISTER_BIN"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(binary), "serve"],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        STARTED.add(self.process.pid)

    def _environment(self):
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "CLOISTER_STATE_DIR": str(self.state_dir),
            "FILE_STORAGE_DIR": str(self.state_dir / "files"),
        }
        # Sanitizers and coverage are steered from outside.
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        return environment | self.settings

    def _wait_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        interval = 0.005
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_ready():
                return True
            try:  # The exit of the process is the event; the port gives none.
                self.process.wait(timeout=interval)
            except subprocess.TimeoutExpired:
                interval = min(interval * 1.5, 0.2)
        return False

    def _is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/ready")
            answer = connection.getresponse()
            return answer.status == 200 and json.loads(answer.read())["status"] == "ok"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def observe(self):
        """Records the present processes and cgroups, to be looked for after the end."""
        if self.process and self.process.poll() is None:
            below = host.descendants(self.process.pid)
            self.seen_processes.update(below)
            self.seen_cgroups |= host.cgroups_of(below)

    def stop(self):
        """An orderly end by SIGTERM; returns the exit status."""
        self.observe()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server:\n{self.log()}") from error

    def kill(self):
        """SIGKILL to the server process alone."""
        self.observe()
        self.was_killed = True
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(timeout=STOP_TIMEOUT_S)

    def close(self):
        """Ends the server and verifies that nothing of it is left; removes its directory."""
        problem = None
        try:
            if self.process:
                if self.process.poll() is None:
                    self.stop()
                # After kill -9 the empty cgroups may wait for the next start.
                self.verify_nothing_left(with_cgroups=not self.was_killed)
        except AssertionError as error:
            problem = error
        self._end_survivors()
        if self.process:
            STARTED.discard(self.process.pid)
        if self.owns_state and not host.mounts_below(self.state_dir):
            # Not shutil: what user code left may be deeper than Python's recursion.
            subprocess.run(["rm", "-rf", "--one-file-system", str(self.state_dir)], check=False)
        if problem:
            raise problem
        self.log_path.unlink(missing_ok=True)

    def verify_nothing_left(self, timeout_s=10, with_cgroups=True):
        wait_until(lambda: not self.survivors(), timeout_s, "every process of the server is gone")
        if with_cgroups:
            wait_until(
                lambda: not [path for path in self.seen_cgroups if os.path.isdir(path)],
                timeout_s,
                f"the cgroups of the server are gone: {sorted(map(str, self.seen_cgroups))}",
            )
        mounts = host.mounts_below(self.state_dir)
        assert not mounts, f"mounts are left: {mounts}"

    def survivors(self):
        seen = {p: s for p, s in self.seen_processes.items() if host.is_running(p, s)}
        # While another server lives, an adopted process may be its own.
        others = STARTED - {self.process.pid}
        return seen if others else seen | host.orphans(STARTED)

    def _end_survivors(self):
        for pid, started in self.survivors().items():
            if host.is_running(pid, started):
                os.kill(pid, signal.SIGKILL)

    # What tests ask for.

    @property
    def pid(self):
        return self.process.pid

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}"

    def api(self):
        return Api(self.base_url)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
