"""Leaves a daemon behind: double fork, own session, standard output held open. Its argument is the
word on standard input, so that it can be found from outside."""

import os
import sys

word = sys.stdin.read().strip()
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(reader)
        os.write(writer, b"x")
        os.execvp("sleep", ["sleep", word])
    os._exit(0)
os.close(writer)
os.wait()
os.read(reader, 1)
print("left", flush=True)
