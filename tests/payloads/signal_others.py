"""Tries to signal processes that it should not reach: {pid: errno}. Signal 0 does no harm.

Standard input: JSON list of pids. The own children are left out.
"""

import json
import os
import sys

found = {}
for pid in json.load(sys.stdin):
    try:
        os.kill(pid, 0)
        found[pid] = 0
    except OSError as error:
        found[pid] = error.errno
print(json.dumps(found))
