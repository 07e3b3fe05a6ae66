"""Tries to connect to the abstract unix socket named on standard input; prints the errno, 0 = worked."""

import json
import socket
import sys

with socket.socket(socket.AF_UNIX) as probe:
    print(json.dumps(probe.connect_ex("\0" + sys.stdin.read().strip())))
