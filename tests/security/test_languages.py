"""The attacks through each entry of the LibreChat surface: languages, and programs with tools."""

import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

from contract.librechat.librechat_api import KEY, LibreChatApi
from harness import host, images
from harness.payloads import PAYLOADS
from harness.server import Server, find_binary

TOOLS = [{"name": "say", "description": "", "parameters": {"type": "object"}}]
ATTACKS = ("connect", "write", "processes", "privilege")
PROBES = {"py": "probe.py", "bash": "probe.sh", "js": "probe.js", "c": "probe.c"}
MARK = "4398.75"
BOMBS = {
    "py": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "bash": ":(){ :|:& };:\nwhile :; do :; done",
    "js": "const { spawn } = require('child_process');\n"
    "setInterval(() => {\n  for (let i = 0; i < 50; i++)"
    " spawn('sleep', ['60']).on('error', () => 0);\n}, 1);",
    "c": "#include <unistd.h>\nint main(void) { for (;;) fork(); }",
}


@pytest.fixture(scope="module")
def server():
    """A server of all languages, in place of the suite's shared one."""
    if find_binary() is None:
        pytest.skip("no server binary; set CLOISTER_BIN")
    with Server({"CI_API_KEY": KEY, "CLOISTER_IMAGE": images.require("full")}) as running:
        yield running


@pytest.fixture(scope="module")
def chat(server):
    client = LibreChatApi(server.base_url)
    yield client
    client.close()


class Entry:
    """One way of handing a program to the server; run() gives its standard output."""

    def __init__(self, lang, with_tools):
        self.lang, self.with_tools = lang, with_tools

    def __str__(self):
        return self.lang + (" with tools" if self.with_tools else "")

    def run(self, chat, code, seconds=20):
        if not self.with_tools:
            return chat.exec(self.lang, code, timeout=seconds).stdout
        body = {"lang": self.lang, "code": code, "tools": TOOLS, "timeout": seconds * 1000}
        answer = chat.post("/exec/programmatic", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] in ("completed", "error"), answer.text
        return answer.json()["stdout"]


ENTRIES = [Entry(lang, False) for lang in PROBES] + [Entry(lang, True) for lang in ("py", "bash")]


@pytest.fixture(params=ENTRIES, ids=str)
def entry(request):
    return request.param


@pytest.fixture
def listener():
    """What the probes look for on the host: a port, and a process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(["sleep", MARK])
        yield listening.getsockname()[1]
        process.kill()
        process.wait()


def probe(lang, port, path):
    text = (PAYLOADS / "probes" / PROBES[lang]).read_text()
    text = text.replace("@PORT@", str(port)).replace("@PATH@", str(path))
    # A pattern that does not match the command that looks for it.
    return text.replace("@PATTERN@", f"[{MARK[0]}]{MARK[1:]}")


@pytest.mark.root
@pytest.mark.parametrize("lang", PROBES)
def test_the_probes_work_on_the_host(lang, listener, tmp_path):
    source = tmp_path / PROBES[lang]
    source.write_text(probe(lang, listener, tmp_path / "escaped"))
    commands = {"py": ["python3"], "bash": ["bash"], "js": ["node"]}
    if lang == "c":
        subprocess.run(["gcc", "-o", str(tmp_path / "probe"), str(source)], check=True)
        command = [str(tmp_path / "probe")]
    else:
        assert shutil.which(commands[lang][0])
        command = [*commands[lang], str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == dict.fromkeys(ATTACKS, True)
    assert (tmp_path / "escaped").read_text().strip() == "escaped"


def test_attacks_fail(chat, entry, listener, tmp_path):
    os.chmod(tmp_path, 0o777)
    found = json.loads(entry.run(chat, probe(entry.lang, listener, tmp_path / "escaped")))
    assert found == dict.fromkeys(ATTACKS, False)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("path", ["/usr/bin/escaped", "/cloister/escaped", "/escaped"])
def test_image_cannot_be_written(chat, entry, listener, path):
    found = json.loads(entry.run(chat, probe(entry.lang, listener, path)))
    assert found["write"] is False


def test_fork_bomb(server, chat, entry):
    """It ends with its time, and the neighbours do not notice."""
    failures, count, done = [], [], threading.Event()

    def neighbour():
        client = LibreChatApi(server.base_url)
        while not done.is_set():
            run = client.python("open('f', 'w').write('x')\nprint(6 * 7)")
            if (run.stdout, run.names) != ("42\n", ["f"]):
                failures.append(vars(run))
            count.append(1)
        client.close()

    thread = threading.Thread(target=neighbour)
    thread.start()
    try:
        entry.run(chat, BOMBS[entry.lang], seconds=3)
    finally:
        done.set()
        thread.join()
    assert count and not failures, failures[:1]
    assert entry.run(chat, probe(entry.lang, 1, "/escaped")).startswith("{")


def test_nothing_is_left_behind(chat, entry):
    """A process that detaches itself ends with its run."""
    mark = f"43{ENTRIES.index(entry) + 20}.25"
    detached = {
        "py": f"import subprocess\nsubprocess.Popen(['setsid', 'sleep', '{mark}'])",
        "bash": f"setsid sleep {mark} >/dev/null 2>&1 </dev/null &",
        "js": "require('child_process').spawn('setsid', ['sleep', "
        f"'{mark}'], {{ detached: true, stdio: 'ignore' }}).unref();",
        "c": '#include <stdlib.h>\nint main(void) { return system("setsid sleep '
        f'{mark} >/dev/null 2>&1 </dev/null &"); }}',
    }
    entry.run(chat, detached[entry.lang])
    host.wait_until_marker_gone(mark)


def test_server_files_are_out_of_reach(server, chat, entry):
    """The host's state directory, in which other users' files are, is not there."""
    code = {
        "py": "import os\nprint(os.path.exists('@'))",
        "bash": "[ -e '@' ] && echo True || echo False",
        "js": "console.log(require('fs').existsSync('@') ? 'True' : 'False')",
        "c": "#include <stdio.h>\n#include <unistd.h>\n"
        'int main(void) { puts(access("@", F_OK) == 0 ? "True" : "False"); }',
    }[entry.lang]
    assert server.state_dir.exists()
    assert entry.run(chat, code.replace("@", str(server.state_dir))) == "False\n"
