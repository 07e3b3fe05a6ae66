"""The host as the tests see it: processes, cgroups and mounts, read from /proc and /sys."""

import ctypes
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


def adopt_orphans():
    """Makes this process the parent of what servers leave behind, so that it can be seen."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def orphans(own_children):
    """{pid: start time} of adopted processes that still run; reaps those that are dead."""
    found = {}
    for pid in all_pids():
        fields = _stat_fields(pid)
        if not fields or int(fields[1]) != os.getpid() or pid in own_children:
            continue
        if fields[0] == "Z":
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        else:
            found[pid] = int(fields[19])
    return found


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
    wait_until(lambda: not processes_with(marker), timeout_s, f"no process with {marker!r} is left")


def cgroups_of(pids):
    """The cgroup directories of the server instances to which these processes belong.

    An instance has a directory of its own below one named "cloister", which all instances share and
    which stays.
    """
    found = set()
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            _, controllers, path = line.split(":", 2)
            parts = [part for part in path.split("/") if part]
            if "cloister" in parts[:-1]:
                instance = parts[: parts.index("cloister") + 2]
                found.update(_existing(controllers, instance))
    return found


def _existing(controllers, parts):
    names = [name for name in controllers.replace("name=", "").split(",") if name]
    for mount in [CGROUP_ROOT, CGROUP_ROOT / "unified", *(CGROUP_ROOT / name for name in names)]:
        candidate = mount.joinpath(*parts)
        if candidate.is_dir():
            yield candidate


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
