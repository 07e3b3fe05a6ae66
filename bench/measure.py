"""What the benchmark reads from the system: memory, CPU time, percentiles."""

import math
import os
import statistics
import time
from pathlib import Path

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
CPUACCT = Path("/sys/fs/cgroup/cpuacct")
UNIFIED = Path("/sys/fs/cgroup")


def percentile(values, percent):
    """The smallest value that is not below `percent` of all."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values):
    return statistics.median(values)


def _fields(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def tree(root):
    """`root` and every process below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _fields(name)):
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def pss_kib(pids):
    """The proportional share of memory of these processes, summed."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:"))
    return total


class CpuMeter:
    """CPU time of a process tree, with what its dead members used.

    A cgroup of its own counts everything; without the right to make one, the times in /proc are
    summed, where a process that was never waited for is lost.
    """

    def __init__(self):
        self.directory = None
        for parent, name in ((CPUACCT, "cpuacct.usage"), (UNIFIED, "cpu.stat")):
            if not (parent / name).exists() or self.directory:
                continue
            directory = parent / f"bench-{os.getpid()}"
            try:
                directory.mkdir()
            except OSError:
                continue
            self.directory, self.file = directory, name
        self.method = f"cgroup {self.file}" if self.directory else "/proc/<pid>/stat"

    def join(self):
        """To be called in the new process before it becomes the server."""
        if self.directory:
            (self.directory / "cgroup.procs").write_text(str(os.getpid()))

    def used_us(self, root):
        if not self.directory:
            return (
                sum(sum(int(x) for x in f[11:15]) for p in tree(root) if (f := _fields(p)))
                * TICK_US
            )
        text = (self.directory / self.file).read_text()
        if self.file == "cpuacct.usage":
            return int(text) / 1000
        return next(int(x.split()[1]) for x in text.splitlines() if x.startswith("usage_usec"))

    def close(self):
        """Removes the cgroup with what the server made in it."""
        if not self.directory:
            return
        for base, _, _ in os.walk(self.directory, topdown=False):
            for _ in range(50):  # The last processes of the server may still be on their way out.
                try:
                    os.rmdir(base)
                    break
                except OSError:
                    time.sleep(0.1)
