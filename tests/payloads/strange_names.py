"""Makes files with names that break careless readers; prints how deep it got."""

import json
import os

for name in (
    b"new\nline",
    b"car\rriage",
    b"\x01\x7f",
    b"bad\xff\xfe",
    b"\xed\xa0\x80",
    b" lead",
    b"q\"'`$(",
):
    with open(name, "wb") as file:
        file.write(b"x")
with open("n" * 255, "w") as file:
    file.write("long")
# A tree whose whole path is longer than PATH_MAX.
depth = 0
try:
    for depth in range(10_000):
        os.mkdir("d")
        os.chdir("d")
    with open("bottom", "w") as file:
        file.write("deep")
except OSError:
    pass
os.chdir("/workspace")
with open("last", "w") as file:
    file.write("last")
print(json.dumps(depth))
