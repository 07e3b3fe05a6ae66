"""Spreads the word on standard input over memory, files, environment and arguments, and ends."""

import json
import os
import sys

word = "".join(json.load(sys.stdin))
kept = [f"{word}-{i}" * 50 for i in range(20_000)]
os.environ["SECRET"] = word
for directory in ("/tmp", "/dev/shm", "/workspace"):
    with open(f"{directory}/{word}", "w") as file:
        file.write(word * 1000)
os.remove(f"/workspace/{word}")
print(len(kept))
