"""Tries system calls, each in a child of its own, and prints what became of them.

Output: JSON object of
name -> {"result": int, "errno": int} or {"signal": int}. Arguments are chosen so that a kernel that
lets the call through does no harm: bad descriptors, bad paths, queries, or a child that ends at once.
"""

import ctypes
import json
import os
import platform
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"


def number(x86, generic):
    return x86 if X86 else generic


def buffer(size=256):
    return ctypes.create_string_buffer(size)


def attribute(size=120, **fields):
    """A struct of 32-bit words."""
    words = (ctypes.c_uint32 * (size // 4))()
    for index, value in fields.items():
        words[int(index[1:])] = value
    return words


NOWHERE = b"/nonexistent-probe"
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000, 0x20000000, 0x40000000

CALLS = {
    "io_uring_setup": (425, [1, attribute()]),
    "io_uring_enter": (426, [-1, 0, 0, 0, 0, 0]),
    "io_uring_register": (427, [-1, 0, 0, 0]),
    # BPF_MAP_CREATE of an array with one element of four bytes.
    "bpf": (number(321, 280), [0, attribute(w0=2, w1=4, w2=4, w3=1), 120]),
    "userfaultfd": (number(323, 282), [0o2000001]),
    "keyctl": (number(250, 219), [0, -3, 0, 0, 0]),
    "add_key": (number(248, 217), [b"user", b"cloister-probe", b"x", 1, -1]),
    "request_key": (number(249, 218), [b"user", b"cloister-probe", 0, 0]),
    "perf_event_open": (number(298, 241), [attribute(w0=1, w1=112), 0, -1, -1, 0]),
    "ptrace": (number(101, 117), [0, 0, 0, 0]),
    "process_vm_readv": (number(310, 270), [os.getpid(), 0, 0, 0, 0, 0]),
    "process_vm_writev": (number(311, 271), [os.getpid(), 0, 0, 0, 0, 0]),
    "kcmp": (number(312, 272), [os.getpid(), os.getpid(), 0, 0, 0]),
    "pidfd_getfd": (438, [-1, 0, 0]),
    "unshare user": (number(272, 97), [CLONE_NEWUSER]),
    "unshare mount": (number(272, 97), [CLONE_NEWNS]),
    "unshare pid": (number(272, 97), [CLONE_NEWPID]),
    "unshare net": (number(272, 97), [CLONE_NEWNET]),
    "setns": (number(308, 268), [-1, 0]),
    "mount": (number(165, 40), [b"none", NOWHERE, b"tmpfs", 0, 0]),
    "umount2": (number(166, 39), [NOWHERE, 0]),
    "pivot_root": (number(155, 41), [NOWHERE, NOWHERE]),
    "chroot": (number(161, 51), [b"/"]),
    "fsopen": (430, [b"tmpfs", 0]),
    "fsconfig": (431, [-1, 0, 0, 0, 0]),
    "fsmount": (432, [-1, 0, 0]),
    "fspick": (433, [-100, NOWHERE, 0]),
    "open_tree": (428, [-100, NOWHERE, 0]),
    "move_mount": (429, [-1, b"", -1, b"", 0]),
    "mount_setattr": (442, [-100, NOWHERE, 0, 0, 0]),
    "open_by_handle_at": (number(304, 265), [-100, attribute(w0=0), 0]),
    "kexec_load": (number(246, 104), [0, 99999, 0, 0]),
    "kexec_file_load": (number(320, 294), [-1, -1, 0, 0, 0]),
    "reboot": (number(169, 142), [0, 0, 0, 0]),
    "init_module": (number(175, 105), [0, 0, b""]),
    "finit_module": (number(313, 273), [-1, b"", 0]),
    "delete_module": (number(176, 106), [b"cloister-probe-none", 0]),
    "swapon": (number(167, 224), [NOWHERE, 0]),
    "swapoff": (number(168, 225), [NOWHERE]),
    "acct": (number(163, 89), [NOWHERE]),
    "quotactl": (number(179, 60), [0x800004 << 8, 0, 0, 0]),
    "syslog": (number(103, 116), [10, 0, 0]),
    "sethostname": (number(170, 161), [0, -1]),
    "setdomainname": (number(171, 162), [0, -1]),
    "settimeofday": (number(164, 170), [attribute(w0=1, w2=0xFFFFFFFF, w3=0xFFFFFFFF), 0]),
    "clock_settime": (number(227, 112), [0, attribute(w0=1, w2=0xFFFFFFFF, w3=0xFFFFFFFF)]),
    "fanotify_init": (number(300, 262), [0, 0]),
    "mknodat device": (number(259, 33), [-100, b"/tmp/cloister-probe-device", 0o60600, 0x700]),
    "clone3": (435, [0, 0]),
    "clone newuser": (number(56, 220), [CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0]),
    "clone newpid": (number(56, 220), [CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0]),
}
if X86:
    CALLS |= {
        "iopl": (172, [0]),
        "ioperm": (173, [0, 1, 0]),
        "x32 getpid": (0x40000000 | 39, []),
    }

FAMILIES = {
    "AF_AX25": 3, "AF_X25": 9, "AF_KEY": 15, "AF_PACKET": 17, "AF_RDS": 21, "AF_CAN": 29,
    "AF_TIPC": 30, "AF_BLUETOOTH": 31, "AF_ALG": 38, "AF_NFC": 39, "AF_VSOCK": 40, "AF_QIPCRTR": 42,
    "AF_SMC": 43, "AF_XDP": 44,
}  # fmt: skip


def attempt(action):
    """What `action` returns as (result, errno), run in a child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        result, error = action()
        if os.getppid() != PARENT and error == 0:
            os._exit(0)  # The call was a clone and this is its child.
        os.write(writer, json.dumps({"result": result, "errno": error}).encode())
        os._exit(0)
    os.close(writer)
    text = os.read(reader, 4096)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return json.loads(text) if text else {"result": 0, "errno": 0}


def system_call(nr, arguments):
    def action():
        ctypes.set_errno(0)
        made = [
            ctypes.c_long(value) if isinstance(value, int) else value
            if isinstance(value, bytes) else ctypes.byref(value)
            for value in arguments
        ]  # fmt: skip
        result = LIBC.syscall(ctypes.c_long(nr), *made)
        return result, ctypes.get_errno() if result == -1 else 0

    return action


PARENT = os.getpid()
LIBC.syscall.restype = ctypes.c_long
found = {name: attempt(system_call(nr, arguments)) for name, (nr, arguments) in CALLS.items()}
for name, family in FAMILIES.items():
    for kind in (1, 2, 3, 5):
        outcome = attempt(system_call(number(41, 198), [family, kind, 0]))
        found[f"socket {name}"] = outcome
        if outcome.get("errno") == 0 and "signal" not in outcome:
            break
for name, path in (("device", "/tmp/cloister-probe-device"),):
    try:
        os.unlink(path)
    except OSError:
        pass
print(json.dumps(found))
