"""Prints what a process can learn about itself and its surroundings, as JSON."""

import json
import os
import stat


def read(path, limit=200_000):
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError as error:
        return {"errno": error.errno}


def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        return {"errno": error.errno}


def status():
    fields = {}
    for line in read("/proc/self/status").splitlines():
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields


def namespaces():
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # The listing's own descriptor.
    return {name: target for name, target in found.items() if not target.startswith("/proc/")}


def devices():
    found = {}
    for base, names, files in os.walk("/dev"):
        for name in names + files:
            path = os.path.join(base, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
                found[path] = "block" if stat.S_ISBLK(mode) else "character"
    return found


def writable(path):
    """Whether an existing file can be opened for writing; nothing is written."""
    try:
        os.close(os.open(path, os.O_WRONLY))
        return {"opened": True}
    except OSError as error:
        return {"errno": error.errno}


PROC_FILES = [
    "/proc/kcore", "/proc/kmsg", "/proc/keys",
    "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats",
    "/proc/1/environ", "/proc/1/maps", "/proc/1/mem", "/proc/1/root/etc/shadow", "/etc/shadow",
]  # fmt: skip
PROC_SETTINGS = [
    "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger",
    "/proc/sys/kernel/ns_last_pid", "/proc/irq/default_smp_affinity",
    "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
]  # fmt: skip

print(
    json.dumps(
        {
            "status": status(),
            "namespaces": namespaces(),
            "descriptors": descriptors(),
            "devices": devices(),
            "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()],
            "pid": os.getpid(),
            "abstract": read("/proc/self/net/unix"),
            "interfaces": listing("/sys/class/net"),
            "mounts": read("/proc/self/mountinfo"),
            "cgroup": read("/proc/self/cgroup"),
            "hostname": os.uname().nodename,
            "proc files": {
                path: content if isinstance(content := read(path, 64), dict) else len(content)
                for path in PROC_FILES
            },
            "settings": {path: writable(path) for path in PROC_SETTINGS},
            "root": listing("/"),
        }
    )
)
