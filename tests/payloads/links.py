"""Leaves every kind of link and special file in the workspace, and one honest file."""

import os
import socket

open("honest", "w").write("honest")
TARGETS = {
    "passwd": "/etc/passwd",
    "environ": "/proc/1/environ",
    "self": "/proc/self/environ",
    "mem": "/proc/self/mem",
    "root": "/",
    "up": "../../../../../../etc/passwd",
    "device": "/dev/zero",
    "magic": "/proc/self/root/etc/passwd",
    "fd": "/proc/self/fd/1",
    "loop": "loop",
    "to-honest": "honest",
}
for name, target in TARGETS.items():
    os.symlink(target, f"link-{name}")
os.symlink("/etc", "link-directory")
os.mkdir("real-directory")
os.symlink("/etc", "real-directory/inner")
os.mkfifo("fifo")
server = socket.socket(socket.AF_UNIX)
server.bind("socket")
for target in ("/etc/passwd", "/usr/bin/env"):
    try:
        os.link(target, "hard-" + os.path.basename(target))
    except OSError:
        pass
try:
    os.mknod("block", 0o60666, os.makedev(7, 0))
except OSError:
    pass
print("done")
