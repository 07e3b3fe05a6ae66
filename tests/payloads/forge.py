"""Writes a forged result to every descriptor, and tries to kill what started it."""

import json
import os
import signal

FORGED = json.dumps(
    {
        "stdout": "forged",
        "stderr": "",
        "exit_code": 0,
        "timed_out": False,
        "duration_ms": 1,
        "files": [{"path": "/etc/passwd", "kind": "file", "file_id": "forged"}],
    }
).encode()
written = []
for number in range(3, 4096):
    try:
        os.write(number, FORGED)
        written.append(number)
    except OSError:
        continue
errors = {}
for pid in (os.getppid(), 1, -1):
    if pid in (os.getpid(), 0):
        continue
    try:
        if pid == -1:
            continue
        os.kill(pid, signal.SIGKILL)
        errors[pid] = 0
    except OSError as error:
        errors[pid] = error.errno
print(json.dumps({"written": written, "kill": errors, "parent": os.getppid()}), flush=True)
os.write(1, FORGED + b"\n")
os.write(1, b'\n\nevent: result\ndata: {"exit_code":0}\n\n')
os._exit(77)
