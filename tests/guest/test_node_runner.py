"""The process that waits for a JavaScript program: src/runtimes/node/runner.js."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[2] / "src" / "runtimes" / "node" / "runner.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")

# Descriptor 3 of a shell, as the backend passes it.
WITH_MESSAGE = 'channel=$1; shift; exec "$@" 3<&"$channel"'


def run(folder, source, *argv, stdin=""):
    """As the server runs it: the process first, then its message."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        ["bash", "-c", WITH_MESSAGE, "bash", str(reading), NODE, str(RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        pass_fds=(reading,),
    )
    os.close(reading)
    message = {"source": source, "filename": f"{folder}/main.js", "argv": argv}
    with os.fdopen(writing, "w") as pipe:
        json.dump(message | {"environment": ["FROM_MESSAGE=a=b"]}, pipe)
    stdout, stderr = process.communicate(stdin)
    return process.returncode, stdout, stderr


def run_file(folder, source, *argv, stdin=""):
    """As Node itself runs the same text."""
    (folder / "main.js").write_text(source)
    try:
        ended = subprocess.run(
            [NODE, folder / "main.js", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=folder,
            env=dict(os.environ, FROM_MESSAGE="a=b"),
        )
    finally:
        (folder / "main.js").unlink()
    return ended.returncode, ended.stdout, ended.stderr


def first_lines(stderr):
    """What a message says and where, without the frames of whoever started the program."""
    return re.split(r"\n    at (?:Module|.* \(node:|.*runner\.js)", stderr)[0]


SCRIPTS = {
    "itself": "console.log(process.argv, __filename, __dirname, require.main === module, module.id,"
    " module.parent, this === module.exports, process.env.FROM_MESSAGE, require.main.paths)",
    "require": "console.log(require('./helper').twice(4), require('./helper').main, require.resolve('./helper'))",
    "input": "console.log(require('fs').readFileSync(0, 'utf8'))",
    "input stream": "process.stdin.on('data', (d) => console.log(String(d)))",
    "module": "import fs, { readFileSync } from 'fs';\nimport { twice } from './module.mjs';\n"
    "console.log(twice(4), import.meta.url, typeof require, fs.readFileSync === readFileSync);",
    "await": "const x = await Promise.resolve(5);\nconsole.log(x, import.meta.filename);",
    "await without import": "console.log(await new Promise((r) => setTimeout(r, 1, 6)));",
    "dynamic import": "import('./module.mjs').then((m) => console.log(m.twice(2), __filename))",
    "script that mentions import": "console.log('import x from y'); // export default 1",
    "require of a module": "console.log(require('fs').promises !== undefined, typeof exports)",
    "exit code": "process.exitCode = 3",
    "exit": "process.on('exit', (c) => console.log('exit', c)); process.exit(7)",
    "error": "\nfunction f() {\n  throw new Error('boom');\n}\nf();",
    "error in a module": "import 'fs';\nfunction f() {\n  throw new Error('boom');\n}\nf();",
    "syntax": "console.log(1);\nlet x = ;\n",
    "syntax in a module": "import 'fs';\nlet x = ;\n",
    "thrown text": "throw 'text'",
    "rejection": "Promise.reject(new Error('late'))",
    "missing module": "require('./no_such_module')",
    "syntax error while it runs": "console.log(1); JSON.parse('{bad')",
    "hash bang": "#!/usr/bin/env node\nconsole.log(1)",
    "order": "setImmediate(() => console.log(4)); Promise.resolve().then(() => console.log(3));"
    " process.nextTick(() => console.log(2)); console.log(1)",
}


@pytest.mark.parametrize("source", SCRIPTS.values(), ids=SCRIPTS)
def test_behaves_as_node_does(tmp_path, source):
    (tmp_path / "helper.js").write_text(
        "exports.twice = (x) => 2 * x; exports.main = require.main && require.main.filename;"
    )
    (tmp_path / "module.mjs").write_text("export const twice = (x) => 2 * x;")
    expected = run_file(tmp_path, source, "a", "b c", stdin="line\n")
    got = run(tmp_path, source, "a", "b c", stdin="line\n")
    assert got[:2] == expected[:2], got[2]
    assert first_lines(got[2]) == first_lines(expected[2])


def test_package_json_decides(tmp_path):
    (tmp_path / "package.json").write_text('{"type": "module"}')
    source = "console.log(typeof require, import.meta.url !== undefined)"
    assert run(tmp_path, source)[1] == run_file(tmp_path, source)[1] == "undefined true\n"


def test_a_module_that_waits_for_ever_ends_with_node_s_status(tmp_path):
    status, stdout, stderr = run(tmp_path, "console.log(1); await new Promise(() => {})")
    assert (status, stdout) == (13, "1\n") and "unsettled top-level await" in stderr


def test_all_output_is_written(tmp_path):
    status, stdout, _ = run(tmp_path, "process.stdout.write('x'.repeat(3e5)); process.exit(0)")
    assert status == 0 and len(stdout) == 300_000


def test_no_descriptor_is_left(tmp_path):
    source = "try { require('fs').fstatSync(3).isFIFO() ? console.log('open') : 0 } catch {}"
    assert run(tmp_path, source)[1] == ""


def test_a_process_that_gets_no_program_ends(tmp_path):
    ended = subprocess.run(
        ["bash", "-c", 'exec "$0" "$1" 3</dev/null', NODE, str(RUNNER)],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_file_is_run_at_once(tmp_path):
    # As compiled TypeScript is run: the text lies elsewhere.
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "main.js").write_text("console.log(__filename, process.argv.slice(2))")
    command = [NODE, str(RUNNER), str(tmp_path / "program" / "main.js"), "a"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout == f"{tmp_path}/main.js [ 'a' ]\n", ended.stderr
