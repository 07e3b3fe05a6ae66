"""The host as the tests see it: processes, cgroups and mounts, read from /proc and /sys."""

import os
import re
from pathlib import Path

from harness.waiting import wait_until

CGROUP_ROOT = Path("/sys/fs/cgroup")


def _stat_fields(pid):
    """The fields of /proc/<pid>/stat after the command name, or None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def start_time(pid):
    """Clock ticks at which the process started; with the pid it names a process for ever."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def is_running(pid, started):
    """True while the process of that pid and start time exists and is not a zombie."""
    fields = _stat_fields(pid)
    return bool(fields) and int(fields[19]) == started and fields[0] not in "ZX"


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(root):
    """{pid: start time} of every process below `root`, without it."""
    children = {}
    for pid in all_pids():
        fields = _stat_fields(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append((pid, int(fields[19])))
    found, todo = {}, [root]
    while todo:
        for pid, started in children.get(todo.pop(), []):
            if pid not in found:
                found[pid] = started
                todo.append(pid)
    return found


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def processes_with(marker):
    """Pids whose command line contains `marker`, this process excepted."""
    needle = marker.encode()
    return [p for p in all_pids() if p != os.getpid() and needle in command_line(p)]


def wait_for_marker(marker, timeout_s=15):
    return wait_until(lambda: processes_with(marker), timeout_s, f"a process with {marker!r} runs")


def wait_until_marker_gone(marker, timeout_s=5):
    wait_until(
        lambda: not processes_with(marker), timeout_s, f"no process with {marker!r} is left"
    )


def cgroups_of(pids):
    """Absolute paths of the cgroups named after cloister in which these processes are."""
    found = set()
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if "cloister" in path:
                found.update(_existing(controllers, path))
    return found


def _existing(controllers, path):
    mounts = [CGROUP_ROOT, CGROUP_ROOT / "unified"]
    mounts += [CGROUP_ROOT / name for name in controllers.replace("name=", "").split(",") if name]
    mounts.append(CGROUP_ROOT / controllers)
    parts = [p for p in path.split("/") if p]
    last = max(i for i, part in enumerate(parts) if "cloister" in part)
    for mount in mounts:
        for depth in range(last + 1, len(parts) + 1):
            candidate = mount.joinpath(*parts[:depth])
            if candidate.is_dir() and "cloister" in str(candidate.relative_to(mount)):
                yield candidate


def cloister_cgroups():
    """Every cgroup directory of the host that is named after cloister."""
    found = set()
    for base, names, _ in os.walk(CGROUP_ROOT):
        found.update(os.path.join(base, name) for name in names if "cloister" in name)
    return found


def mounts_below(directory):
    """Mount points of this mount namespace that lie in `directory`."""
    prefix = str(directory)
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), line.split()[4])
        if point == prefix or point.startswith(prefix + "/"):
            points.append(point)
    return points


def is_root():
    return os.geteuid() == 0
