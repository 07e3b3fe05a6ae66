"""Section 3: defaults, bounds and the order of checks."""

import uuid

import pytest

MAXIMUM = 60000


def refused(api, status, path="/v1/execute", **body):
    answer = api.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


def test_answer_has_every_key_in_order(api):
    outcome = api.execute("print('hello')")
    assert (outcome.stdout, outcome.stderr) == ("hello\n", "")
    assert (outcome.exit_code, outcome.timed_out, outcome.files) == (0, False, [])


def test_defaults(api):
    """Interactive last line, no input, no files; two seconds are the limit."""
    answer = api.post("/v1/execute", json={"code": "import sys\nsys.stdin.read()"})
    assert answer.json()["stdout"] == "''\n"
    answer = api.post("/v1/execute", json={"code": "import time\ntime.sleep(30)"})
    body = answer.json()
    assert body["timed_out"] is True
    assert 1900 <= body["duration_ms"] < 15000


@pytest.mark.parametrize("code", ["", "\n\n", "# only a comment", "   \n\t\n"])
@pytest.mark.parametrize("interactive", [True, False])
def test_program_without_statements(api, code, interactive):
    outcome = api.execute(code, last_line_interactive=interactive)
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("", "", 0)


def test_largest_timeout_is_accepted(api):
    assert api.execute("print(1)", timeout_ms=MAXIMUM).stdout == "1\n"


def test_smallest_timeout_is_accepted(api):
    outcome = api.execute("import time\ntime.sleep(30)", timeout_ms=1)
    assert outcome.timed_out and outcome.exit_code is None


@pytest.mark.parametrize("value", [MAXIMUM + 1, 10**9, 10**18])
def test_timeout_over_the_maximum(api, value):
    detail = refused(api, 422, code="1", timeout_ms=value)
    assert detail == f"timeout_ms exceeds maximum of {MAXIMUM} ms"


@pytest.mark.parametrize("path", ["/v1/execute", "/v1/execute/stream"])
class TestOrderOfChecks:
    missing_id = str(uuid.UUID("5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a59"))

    def test_schema_before_maximum(self, api, path):
        detail = refused(api, 422, path, timeout_ms=MAXIMUM + 1)
        assert isinstance(detail, list)

    def test_maximum_before_missing_file(self, api, path):
        files = [{"path": "a", "file_id": self.missing_id}]
        detail = refused(api, 422, path, code="", timeout_ms=MAXIMUM + 1, files=files)
        assert detail == f"timeout_ms exceeds maximum of {MAXIMUM} ms"

    def test_missing_file_before_bad_path(self, api, path):
        present = api.upload(b"x")
        files = [
            {"path": "../x", "file_id": present},
            {"path": "/y", "file_id": self.missing_id},
        ]
        detail = refused(api, 404, path, code="", files=files)
        assert detail == f"File with ID '{self.missing_id}' not found for path '/y'."

    def test_first_missing_file_is_named(self, api, path):
        other = "00000000-0000-4000-8000-000000000000"
        files = [{"path": "a", "file_id": other}, {"path": "b", "file_id": self.missing_id}]
        detail = refused(api, 404, path, code="", files=files)
        assert detail == f"File with ID '{other}' not found for path 'a'."


def test_stdin_is_utf8_and_ends(api):
    text = "z\u00e9ro\n\u6f22\U0001f600 end"
    program = "import sys\nsys.stdout.write(repr(sys.stdin.buffer.read()))"
    assert api.execute(program, stdin=text).stdout == repr(text.encode())


def test_stdin_is_empty_by_default(api):
    program = "import sys\nprint(repr(sys.stdin.read()))"
    assert api.execute(program).stdout == "''\n"
    assert api.execute(program, stdin="").stdout == "''\n"
    assert api.execute(program, stdin=None).stdout == "''\n"


def test_input_reads_lines(api):
    outcome = api.execute("print(input() + input())\ninput()", stdin="a\nb\n")
    assert outcome.stdout == "ab\n"
    assert outcome.exit_code == 1 and "EOFError" in outcome.stderr


def test_large_stdin(api):
    text = "0123456789" * 300_000
    program = "import sys\nprint(len(sys.stdin.read()))"
    assert api.execute(program, stdin=text).stdout == "3000000\n"


def test_stdin_that_nobody_reads(api):
    assert api.execute("print('done')", stdin="x" * 3_000_000).ok().stdout == "done\n"


def test_example_of_the_contract(api):
    file_id = api.upload(b"a,b\n1,2\n3,4\n", "in.csv")
    outcome = api.execute(
        "import csv\nrows=list(csv.reader(open('in.csv')))\n"
        "open('n.txt','w').write(str(len(rows)))\nlen(rows)",
        last_line_interactive=True,
        files=[{"path": "in.csv", "file_id": file_id}],
    )
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("3\n", "", 0)
    assert outcome.paths == ["n.txt"]
    assert api.output(outcome, "n.txt") == b"3"


def test_nothing_survives_between_executions(api):
    first = api.execute(
        "import os\nopen('a', 'w').write('1')\nopen('/tmp/b', 'w').write('2')\n"
        "open('/dev/shm/c', 'w').write('3')\nos.environ['LEFT'] = '4'"
    ).ok()
    assert first.paths == ["a"]
    second = api.execute(
        "import os\nprint(os.listdir('.'), os.path.exists('/tmp/b'),\n"
        "      os.path.exists('/dev/shm/c'), 'LEFT' in os.environ)"
    ).ok()
    listed = second.stdout.replace("'__main__.py'", "")
    assert listed == "[] False False False\n"
    assert second.files == []
