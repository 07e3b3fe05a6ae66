"""Searches all readable memory of its own process for a word that arrives in two halves.

The halves are never joined here, so every hit is somebody else's; with "plant" they are joined
first, which proves that the search finds. Prints {"hits": int, "fresh clean": bool}.
"""

import json
import mmap
import re
import sys

request = json.load(sys.stdin)
first, second = (half.encode() for half in request["halves"])
if request["plant"]:
    planted = first + second
pattern = re.compile(re.escape(first) + b"(?=" + re.escape(second) + b")")
hits = 0
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in maps.read().splitlines():
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
        if not match or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        position, end = (int(part, 16) for part in match.groups())
        while position < end:
            try:
                memory.seek(position)
                piece = memory.read(min(end - position, 4 << 20))
            except (OSError, ValueError, OverflowError):
                break
            if not piece:
                break
            hits += len(pattern.findall(piece))
            position += len(piece)
fresh = mmap.mmap(-1, 48 << 20)
print(json.dumps({"hits": hits, "fresh clean": fresh[:].count(0) == 48 << 20}))
