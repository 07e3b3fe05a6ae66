"""Forks until it is refused, with every child waiting; prints how many there were."""

import json
import os
import signal

children = []
error = 0
while len(children) < 5000:
    try:
        child = os.fork()
    except OSError as refused:
        error = refused.errno
        break
    if child == 0:
        signal.pause()
        os._exit(0)
    children.append(child)
print(json.dumps({"children": len(children), "errno": error}), flush=True)
for child in children:
    os.kill(child, signal.SIGKILL)
