"""Fills the directory named on standard input with bytes, then with empty files: JSON."""

import json
import os
import sys

directory, most_bytes, most_files = json.load(sys.stdin)
written, errno_bytes = 0, 0
path = os.path.join(directory, "fill")
with open(path, "wb", buffering=0) as file:
    block = bytes(1 << 20)
    try:
        while written < most_bytes:
            written += file.write(block)
    except OSError as error:
        errno_bytes = error.errno
os.unlink(path)
made, errno_files = 0, 0
inside = os.path.join(directory, "many")
os.mkdir(inside)
os.chdir(inside)
try:
    while made < most_files:
        os.close(os.open(str(made), os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError as error:
    errno_files = error.errno
os.chdir(directory)
for name in os.listdir(inside):
    os.unlink(os.path.join(inside, name))
os.rmdir(inside)
print(
    json.dumps(
        {"bytes": written, "errno bytes": errno_bytes, "files": made, "errno files": errno_files}
    )
)
