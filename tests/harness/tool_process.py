"""Runs a program with tools as a sandbox does, with the test in the place of the server."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

RUNTIMES = Path(__file__).resolve().parents[2] / "src" / "runtimes"
TOOLS = RUNTIMES / "python" / "tools.py"
BROKER = RUNTIMES / "bash" / "tools_broker.py"

# What zygote.py does for a program with tools.
START = """
import importlib.util, os, sys, types
path, program, definitions, channel = sys.argv[1:5]
os.dup2(int(channel), 3, inheritable=False)
if channel != "3":
    os.close(int(channel))
spec = importlib.util.spec_from_file_location("_cloister_tools", path)
tools = importlib.util.module_from_spec(spec)
sys.modules["_cloister_tools"] = tools
spec.loader.exec_module(tools)
main = types.ModuleType("__main__")
main.__file__ = program
sys.modules["__main__"] = main
sys.argv = [program, *sys.argv[5:]]
sys.exit(tools.run(open(program).read(), definitions, main, program))
"""


@dataclass
class Ended:
    status: int
    stdout: str
    stderr: str
    batches: list = field(default_factory=list)  # Lists of (name, input).


def receive(channel):
    parts = []
    while True:
        datagram = channel.recv(65537)
        if not datagram:
            return None
        assert datagram[:1] in (b"C", b"E") and len(datagram) <= 65536
        parts.append(datagram[1:])
        if datagram[:1] == b"E":
            return json.loads(b"".join(parts))


def send(channel, message):
    data = json.dumps(message).encode()
    for at in range(0, len(data), 65535):
        last = at + 65535 >= len(data)
        channel.send((b"E" if last else b"C") + data[at : at + 65535])


def answer(call, tools):
    try:
        result = tools[call["name"]](call["input"])
    except Exception as error:
        return {"id": call["id"], "result": None, "is_error": True, "error_message": str(error)}
    return {"id": call["id"], "result": result, "is_error": False, "error_message": ""}


def run(folder, text, tools, definitions=None, arguments=(), stdin="", path=None):
    """`tools`: functions of their input, by name. `path`: where the program finds modules, too."""
    program = folder / "__main__.py"
    program.write_text(text)
    definitions = definitions or [{"name": name} for name in tools]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    command = [sys.executable, "-c", START, str(TOOLS), str(program)]
    command += [json.dumps({"tools": definitions}), str(theirs.fileno()), *arguments]
    batches = []
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, (
        tempfile.TemporaryFile()
    ) as errors, ours:
        given.write(stdin.encode())
        given.seek(0)
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=dict(os.environ, PYTHONPATH=str(path or "")),
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        while (message := receive(ours)) is not None:
            calls = message["calls"]
            batches.append([(call["name"], call["input"]) for call in calls])
            send(ours, {"results": [answer(call, tools) for call in calls]})
        status = process.wait()
        texts = []
        for stream in (out, errors):
            stream.seek(0)
            texts.append(stream.read().decode())
    return Ended(status, *texts, batches)


def run_script(folder, script, tools, definitions=None, arguments=(), stdin=""):
    return run(folder, BROKER.read_text(), tools, definitions, [script, *arguments], stdin)
