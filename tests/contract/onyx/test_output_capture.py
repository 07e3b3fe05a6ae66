"""Section 8.2: what is captured, and where it is cut."""

import pytest

CAP = 1_000_000
MARKER = "\n...[truncated]"


def writer(count, stream="stdout", piece="b'x'"):
    return f"import sys\nsys.{stream}.buffer.write({piece} * {count})"


def test_streams_are_apart(api):
    outcome = api.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (outcome.stdout, outcome.stderr) == ("out\n", "err\n")


def test_no_newline_translation(api):
    code = "import os\nos.write(1, b'a\\r\\nb\\rc\\n\\x00\\x1b[0m')"
    assert api.execute(code).stdout == "a\r\nb\rc\n\0\x1b[0m"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"a\xffb",
        b"\xc3",
        b"\xe6\xbc",
        b"\xe6\xbcx",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf8\x88\x80\x80\x80",
        bytes(range(256)),
        "\u00e9\u6f22\U0001f600\ufeff".encode(),
    ],
)
def test_invalid_bytes_become_replacement_characters(api, raw):
    outcome = api.execute(f"import os\nos.write(1, {raw!r})\nos.write(2, {raw!r})")
    assert outcome.stdout == raw.decode("utf-8", "replace")
    assert outcome.stderr == raw.decode("utf-8", "replace")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
class TestCap:
    def text(self, api, stream, code):
        return getattr(api.execute(code).ok(), stream)

    def test_exactly_the_cap_is_unchanged(self, api, stream):
        assert self.text(api, stream, writer(CAP, stream)) == "x" * CAP

    @pytest.mark.parametrize("count", [CAP + 1, CAP * 3])
    def test_above_the_cap(self, api, stream, count):
        text = self.text(api, stream, writer(count, stream))
        assert len(text) == 999_983
        assert text == "x" * (CAP - 32) + MARKER

    def test_character_cut_in_two(self, api, stream):
        # 999,968 is not a multiple of three, so the last character is cut.
        text = self.text(api, stream, writer(CAP, stream, "'\u6f22'.encode()"))
        whole = (CAP - 32) // 3
        assert text == "\u6f22" * whole + "\ufffd" + MARKER


def test_cap_is_per_stream(api):
    outcome = api.execute(writer(CAP + 5) + "\n" + writer(10, "stderr")).ok()
    assert len(outcome.stdout) == 999_983
    assert outcome.stderr == "x" * 10


def test_program_is_not_stopped_for_printing_too_much(api):
    code = (
        "import sys\nfor _ in range(200):\n    sys.stdout.write('y' * 100_000)\n"
        "open('end', 'w').write('reached')"
    )
    outcome = api.execute(code).ok()
    assert outcome.stdout == "y" * (CAP - 32) + MARKER
    assert api.output(outcome, "end") == b"reached"


def test_output_of_children_is_captured(api):
    code = "import subprocess\nsubprocess.run(['sh', '-c', 'echo out; echo err >&2'])"
    outcome = api.execute(code).ok()
    assert (outcome.stdout, outcome.stderr) == ("out\n", "err\n")


def test_output_written_right_before_a_hard_exit(api):
    for ending in ("os._exit(3)", "os.kill(os.getpid(), 9)"):
        code = f"import os\nos.write(1, b'z' * 60_000)\nos.write(2, b'e')\n{ending}"
        outcome = api.execute(code)
        assert outcome.stdout == "z" * 60_000
        assert outcome.stderr == "e"


def test_closed_standard_streams(api):
    outcome = api.execute(
        "import os\nprint('a')\nos.close(1)\nos.close(2)\nos.close(0)\nos._exit(4)"
    )
    assert (outcome.stdout, outcome.exit_code) == ("a\n", 4)


@pytest.fixture(scope="module")
def small_cap():
    from harness.server import Server

    with Server({"MAX_OUTPUT_BYTES": 100}) as server:
        yield server.api()


@pytest.mark.parametrize("count, expected", [(99, 99), (100, 100), (101, 68 + 15), (5000, 68 + 15)])
def test_small_cap(small_cap, count, expected):
    text = small_cap.execute(writer(count)).stdout
    assert len(text) == expected
    assert text.endswith(MARKER) == (count > 100)


def test_small_cap_holds_for_bash(small_cap):
    session = small_cap.create_session()
    outcome = small_cap.bash(session, "printf 'x%.0s' {1..500}; printf 'y%.0s' {1..100} >&2")
    assert outcome.stdout == "x" * 68 + MARKER
    assert outcome.stderr == "y" * 100
    small_cap.delete_session(session)


def test_small_cap_in_a_stream(small_cap):
    stream = small_cap.stream(writer(5000))
    assert stream.stdout == "x" * 100
    stream = small_cap.stream(writer(100, piece="'\u6f22'.encode()"))
    assert stream.stdout == "\u6f22" * 33 + "\ufffd"


def test_cap_below_the_marker(server_factory):
    api = server_factory(MAX_OUTPUT_BYTES=10).api()
    assert api.execute(writer(11)).stdout == MARKER
    assert api.execute(writer(10)).stdout == "x" * 10
