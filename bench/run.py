#!/usr/bin/env python3
"""Measures a running server against doing the same with no isolation, and prints a table.

Starts its own release server on a free port. What is compared is measured in turns within the same
rounds, so that a change of the machine's speed meets both; numbers are medians over the rounds.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path[:0] = [str(BENCH), str(ROOT / "tests")]

# pylint: disable=wrong-import-position
from measure import CpuMeter, median, percentile, pss_kib, tree  # noqa: E402

HELLO = "print('hello')"
NUMPY = "import numpy\nprint(numpy.zeros(5).tolist())"
IMPORTS = {
    "numpy": ("import numpy\nprint('hello')", 20),
    "pandas": ("import pandas\nprint('hello')", 10),
    "matplotlib": ("import matplotlib.pyplot\nprint('hello')", 10),
}
# What each row has to reach: (text, function of the row's value -> reached).
# What the project holds itself to: the words for the table, and whether a value and what it is
# compared with (or None) meet it.
BARS = {
    "hello, 1 client, p50": (
        "≤ 3 ms, ratio ≤ 0.25",
        lambda value, base: value <= 3 and (base is None or value <= base / 4),
    ),
    "hello, 1 client, p99": ("≤ 10 ms", lambda value, base: value <= 10),
    "CPU of an execution": ("aim: ratio < 2", lambda value, base: value < 2 * base),
    "bash in a live session, p50": ("≤ 5 ms", lambda value, base: value <= 5),
    "100 sandboxes at once, failures": ("0", lambda value, base: value == 0),
}
for _module in ("numpy", "pandas", "matplotlib"):
    BARS[f"import {_module}, 1 client, p50"] = ("≤ 10 ms", lambda value, base: value <= 10)
for _clients in (2, 8, 32):
    BARS[f"{_clients} clients, throughput"] = ("≥ 300/s", lambda value, base: value >= 300)
    BARS[f"{_clients} clients, failures"] = ("0", lambda value, base: value == 0)


def with_unit(value, unit):
    number = str(value) if isinstance(value, int) else f"{value:.2f}"
    return f"{number} {unit}".strip()


class Table:
    """Rows of: what, value with unit, the same with no isolation, ratio, bar."""

    def __init__(self):
        self.rows = []

    def add(self, name, value, unit, base=None, note=""):
        bar, check = BARS.get(name, ("–", None))
        verdict = "" if check is None else (" ✓" if check(value, base) else " ✗")
        ratio = f"{value / base:.2f}" if base else "–"
        shown = with_unit(value, unit)
        compared = with_unit(base, unit) if base is not None else "–"
        self.rows.append([name, shown, compared, ratio, bar + verdict, note])
        print(f"  {name}: {shown}", file=sys.stderr, flush=True)

    def skip(self, name, why):
        self.rows.append([name, "not measured", "–", "–", "–", why])

    def markdown(self):
        head = ["What", "Cloister", "Without isolation", "Ratio", "Bar", "Note"]
        lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *self.rows]]
        return "\n".join(lines)


class Tools:
    """The compiled helpers, in a directory of their own."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.chmod(0o755)
        for name, compiler in (("load.cpp", "g++"), ("bare.c", "gcc"), ("raw_clone.c", "gcc")):
            flags = ["-O2", "-std=c++20", "-pthread"] if compiler == "g++" else ["-O2"]
            subprocess.run(
                [compiler, *flags, "-o", str(self.directory / Path(name).stem), str(BENCH / name)],
                check=True,
            )

    def _run(self, *arguments):
        done = subprocess.run(
            [str(self.directory / arguments[0]), *map(str, arguments[1:])],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr}")
        return json.loads(done.stdout)

    def load(self, port, clients, requests, body, path="/v1/execute", expected='"exit_code":0'):
        file = self.directory / f"body-{threading.get_ident()}"
        file.write_text(json.dumps(body))
        result = self._run("load", "127.0.0.1", port, clients, requests, path, file, expected)
        result["latencies_ms"] = [value / 1000 for value in result.pop("latencies_us")]
        return result

    def bare(self, rootfs, count, code):
        return [value / 1000 for value in self._run("bare", rootfs, count, code)]

    def raw_clone(self, count, processes):
        return self._run("raw_clone", count, processes)

    def raw_clone_of_python(self, rootfs, count):
        """Milliseconds of CPU. Not by chroot: there the kernel refuses namespaces."""
        enter = (
            "mount --make-rprivate / && mount --rbind $1 $1 && mount -t tmpfs t $1/tmp && "
            'cp "$2" "$3" $1/tmp/ && cd $1 && pivot_root . mnt && '
            "exec /usr/bin/python3 /tmp/raw_clone_python.py $4 /tmp/zygote.py"
        )
        files = [BENCH / "raw_clone_python.py", ROOT / "src/runtimes/python/zygote.py"]
        command = ["unshare", "-m", "sh", "-ec", enter, "-", rootfs, *files, count]
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return float(result.stdout) / 1000


def program(code, timeout_ms=60000):
    return {"code": code, "timeout_ms": timeout_ms, "last_line_interactive": False}


class Bench:
    def __init__(self, server, tools, rootfs, rounds, scale, meter):
        self.server, self.tools, self.rootfs = server, tools, rootfs
        self.rounds, self.scale, self.meter = rounds, scale, meter
        self.table = Table()
        self.port = server.port

    def count(self, number):
        return max(5, int(number * self.scale))

    def post(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def delete(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("DELETE", path)
        connection.getresponse().read()
        connection.close()

    def compared(self, name, code, count, bare_count):
        """One client against the bare interpreter, in turns."""
        ours, bare, failures = [], [], 0
        self.tools.load(self.port, 1, 5, program(code))
        for _ in range(self.rounds):
            result = self.tools.load(self.port, 1, count, program(code), expected="hello")
            failures += result["failures"]
            ours.append(result["latencies_ms"])
            if self.rootfs:
                bare.append(self.tools.bare(self.rootfs, bare_count, code))
        note = f"{failures} failures" if failures else ""
        for percent in (50, 99):
            value = median([percentile(x, percent) for x in ours if x])
            base = median([percentile(x, percent) for x in bare]) if bare else None
            self.table.add(f"{name}, 1 client, p{percent}", value, "ms", base, note)

    def hello(self):
        self.compared("hello", HELLO, self.count(200), self.count(20))

    def imports(self):
        for name, (code, count) in IMPORTS.items():
            self.compared(f"import {name}", code, self.count(count), self.count(count / 2))

    def clients(self):
        for clients in (2, 8, 32):
            results = [
                self.tools.load(
                    self.port, clients, self.count(400), program(HELLO), expected="hello"
                )
                for _ in range(self.rounds)
            ]
            rates = [len(r["latencies_ms"]) / r["wall_s"] for r in results]
            self.table.add(f"{clients} clients, throughput", median(rates), "executions/s")
            self.table.add(
                f"{clients} clients, p99",
                median([percentile(r["latencies_ms"], 99) for r in results if r["latencies_ms"]]),
                "ms",
            )
            self.table.add(f"{clients} clients, failures", sum(r["failures"] for r in results), "")
            shares = [min(r["per_client"]) / max(max(r["per_client"]), 1) for r in results]
            self.table.add(
                f"{clients} clients, fairness",
                median(shares),
                "",
                note="fewest executions of a client / most",
            )

    def many_sandboxes(self, number=100):
        walls, failures = [], 0
        for _ in range(self.rounds):
            result = self.tools.load(self.port, number, number, program(NUMPY), expected="[0.0")
            walls.append(result["wall_s"] * 1000)
            failures += result["failures"]
        self.table.add(f"{number} sandboxes at once, numpy, wall clock", median(walls), "ms")
        self.table.add(f"{number} sandboxes at once, failures", failures, "")
        self.many_memory(number)

    def many_memory(self, number):
        """PSS while all of them hold their arrays; a run of its own, as reading it costs time."""
        before = pss_kib(tree(self.server.pid))
        code = NUMPY + "\nimport time\ntime.sleep(8)"
        thread = threading.Thread(
            target=self.tools.load, args=(self.port, number, number, program(code))
        )
        thread.start()
        most = 0
        while thread.is_alive():
            most = max(most, pss_kib(tree(self.server.pid)))
            thread.join(timeout=0.2)
        self.table.add(
            f"{number} sandboxes at once, memory", most / 1024, "MiB PSS", note="server too"
        )
        self.table.add("memory of one of them", (most - before) / number / 1024, "MiB PSS")

    def bash(self):
        session = self.post("/v1/sessions", {"ttl_seconds": 900})["session_id"]
        path = f"/v1/sessions/{session}/bash"
        rounds = [
            self.tools.load(self.port, 1, self.count(100), {"cmd": "echo hello"}, path, "hello")
            for _ in range(self.rounds)
        ]
        self.delete(f"/v1/sessions/{session}")
        for percent in (50, 99):
            value = median([percentile(r["latencies_ms"], percent) for r in rounds])
            self.table.add(f"bash in a live session, p{percent}", value, "ms")

    def settled_pss(self):
        """PSS when it no longer changes: ready sandboxes are refilled after a load."""
        last = pss_kib(tree(self.server.pid))
        for _ in range(50):
            time.sleep(0.2)  # Memory gives no event.
            now = pss_kib(tree(self.server.pid))
            if abs(now - last) <= max(64, last // 500):
                return now
            last = now
        return last

    def memory(self, sessions=20):
        idle = self.settled_pss()
        self.table.add(
            "idle server", idle / 1024, "MiB PSS", note="zygotes and ready sandboxes too"
        )
        made = [self.post("/v1/sessions", {})["session_id"] for _ in range(sessions)]
        full = self.settled_pss()
        for session in made:
            self.delete(f"/v1/sessions/{session}")
        self.table.add("idle session", (full - idle) / sessions / 1024, "MiB PSS")

    def cpu(self):
        """CPU time of the whole server tree for one hello, against namespaces alone."""
        ours, raw, raw_python = [], [], []
        for _ in range(self.rounds):
            count = self.count(200)
            begin = self.meter.used_us(self.server.pid)
            self.tools.load(self.port, 1, count, program(HELLO))
            self.settled_cpu()
            ours.append((self.meter.used_us(self.server.pid) - begin) / count / 1000)
            raw.append(self.tools.raw_clone(count, 2)["cpu_us"] / 1000)
            if self.rootfs and os.geteuid() == 0:
                raw_python.append(self.tools.raw_clone_of_python(self.rootfs, count))
        if raw_python:
            note = "against clone of the same interpreter with every namespace, exit, wait"
            self.table.add("CPU of an execution", median(ours), "ms", median(raw_python), note)
        note = f"against clone of a small process, twice; {self.meter.method}"
        self.table.add("CPU of an execution, small", median(ours), "ms", median(raw), note)

    def settled_cpu(self):
        """Waits until work in the background, such as refilling, is over."""
        last = self.meter.used_us(self.server.pid)
        for _ in range(50):
            time.sleep(0.1)  # CPU time gives no event.
            now = self.meter.used_us(self.server.pid)
            if now - last < 2000:
                return
            last = now

    def docker(self):
        name = "hello by docker run, p50"
        if not shutil.which("docker"):
            return self.table.skip(name, "no docker command")
        try:
            subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=True)
        except (subprocess.SubprocessError, OSError):
            return self.table.skip(name, "no container engine answers")
        if not self.rootfs:
            return self.table.skip(name, "the image's root file system is not known")
        pack = subprocess.Popen(["tar", "-C", str(self.rootfs), "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(
            ["docker", "import", "-", "cloister-bench"],
            stdin=pack.stdout,
            capture_output=True,
            check=True,
        )
        pack.wait()
        times = []
        for _ in range(self.count(10)):
            begin = time.monotonic()
            subprocess.run(
                [
                    "docker",
                    "run",
                    "--rm",
                    "--network",
                    "none",
                    "cloister-bench",
                    "python3",
                    "-c",
                    HELLO,
                ],
                capture_output=True,
                check=True,
            )
            times.append((time.monotonic() - begin) * 1000)
        subprocess.run(["docker", "rmi", "cloister-bench"], capture_output=True, check=False)
        ours = self.tools.load(self.port, 1, self.count(50), program(HELLO))["latencies_ms"]
        return self.table.add("hello, against docker run, p50", median(ours), "ms", median(times))

    def run(self, only):
        parts = ["memory", "hello", "imports", "clients", "many_sandboxes", "bash", "cpu", "docker"]
        for part in parts:
            if not only or part in only:
                print(f"{part} ...", file=sys.stderr, flush=True)
                getattr(self, part)()


def find_rootfs(named, images):
    """The root file system of the image, to run its Python with no isolation; needs root."""
    if os.geteuid() != 0:
        return None
    if named:
        return Path(named)
    if images:
        pattern = "usr/bin/python3"
        for depth in ("", "*/", "*/*/", "*/*/*/"):
            for found in sorted(images.glob(depth + pattern)):
                return found.parents[2]
    return None


def machine():
    kernel = os.uname().release
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} processors, {memory:.0f} GiB, Linux {kernel}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor on every number of requests"
    )
    parser.add_argument("--only", action="append", help="one part, such as hello; may be repeated")
    parser.add_argument("--rootfs", help="root file system of the image")
    parser.add_argument("--output", help="file for the table")
    parser.add_argument("--port", type=int, help="measure this server instead of starting one")
    parser.add_argument("--pid", type=int, help="with --port: the server's process")
    options = parser.parse_args()

    # The harness of the tests starts the server; the release build is preferred here.
    from harness import server as harness  # pylint: disable=import-outside-toplevel

    release = ROOT / "build" / "release" / "src" / "bin" / "cloister"
    if "CLOISTER_BIN" not in os.environ and release.is_file():
        os.environ["CLOISTER_BIN"] = str(release)
    rootfs = find_rootfs(options.rootfs, harness.find_images())
    meter = CpuMeter()
    with tempfile.TemporaryDirectory(prefix="cloister-bench-") as directory:
        tools = Tools(directory)
        settings = {"MAX_CONCURRENT_EXECUTIONS": 128, "LOG_LEVEL": "warning"}
        if options.port:
            bench = Bench(External(options), tools, rootfs, options.rounds, options.scale, meter)
            bench.run(options.only)
        else:
            with MeteredServer(harness.Server(settings), meter) as running:
                bench = Bench(running, tools, rootfs, options.rounds, options.scale, meter)
                bench.run(options.only)
    meter.close()
    text = f"Median of {options.rounds} rounds; {machine()}.\n\n{bench.table.markdown()}\n"
    print(text)
    if options.output:
        Path(options.output).write_text(text)


class External:
    """A server that somebody else started."""

    def __init__(self, options):
        self.port, self.pid = options.port, options.pid or 1


class MeteredServer:
    """Starts the server inside the meter's cgroup and moves this process back afterwards."""

    def __init__(self, server, meter):
        self.server, self.meter = server, meter

    def __enter__(self):
        self.meter.join()
        try:
            self.server.start()
        finally:
            if self.meter.directory:
                (self.meter.directory.parent / "cgroup.procs").write_text(str(os.getpid()))
        return self.server

    def __exit__(self, *_):
        self.server.close()


if __name__ == "__main__":
    main()
