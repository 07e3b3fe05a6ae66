"""Section 4: the event stream."""

import json
import time
import uuid

import pytest

from harness import host
from harness.raw import RawConnection
from harness.sse import read_events

URL = "/v1/execute/stream"


def test_headers_exactly(server):
    body = json.dumps({"code": "print(1)"}).encode()
    with RawConnection(server.port) as connection:
        answer = connection.request("POST", URL, body, [("Content-Type", "application/json")])
        assert answer.status == 200
        assert answer.header("content-type") == "text/event-stream; charset=utf-8"
        assert answer.header("cache-control") == "no-cache"
        assert answer.header("connection") == "keep-alive"
        assert answer.header("x-accel-buffering") == "no"
        assert answer.header("transfer-encoding") == "chunked"
        assert answer.header("content-length") is None
        events = list(read_events([answer.body]))
        # An unbuffered print writes its text and its line end apart, so it may come in two events.
        assert {event.name for event in events[:-1]} == {"output"}
        assert events[-1].name == "result"
        # The connection serves on.
        assert connection.request("GET", "/health").status == 200


def test_framing_exactly(api):
    stream = api.stream("import sys\nsys.stdout.write('tick 1\\n')", last_line_interactive=False)
    first, second = stream.events
    assert first.raw == b'event: output\ndata: {"stream":"stdout","data":"tick 1\\n"}'
    duration = second.payload["duration_ms"]
    assert second.raw == (
        b'event: result\ndata: {"exit_code":0,"timed_out":false,"duration_ms":%d,"files":[]}'
        % duration
    )
    assert stream.raw.endswith(b"\n\n")


def test_silent_program_has_only_a_result(api):
    assert api.stream("x = 1").names() == ["result"]


def test_streams_files_and_exit_code(api):
    stream = api.stream(
        "import sys\nprint('o')\nprint('e', file=sys.stderr)\nopen('f', 'w').write('x')\nsys.exit(3)"
    )
    assert (stream.stdout, stream.stderr) == ("o\n", "e\n")
    assert stream.result["exit_code"] == 3
    (entry,) = stream.result["files"]
    assert list(entry) == ["path", "kind", "file_id"]
    assert (entry["path"], entry["kind"]) == ("f", "file")
    assert api.download(entry["file_id"]) == b"x"


def test_same_result_as_execute(api):
    code = "import sys\nprint('\u00e9')\nprint('w', file=sys.stderr)\n1/0"
    batch = api.execute(code)
    stream = api.stream(code)
    assert (stream.stdout, stream.stderr) == (batch.stdout, batch.stderr)
    assert stream.result["exit_code"] == batch.exit_code == 1


def test_last_line_interactive(api):
    assert api.stream("6 * 7", last_line_interactive=True).stdout == "42\n"


def test_events_come_as_they_happen(api):
    """The program waits two seconds between lines; the reader sees at least half of each wait."""
    code = "import time\nfor i in range(3):\n    print(i)\n    time.sleep(2)"
    with api.open_stream(code) as answer:
        events = list(read_events(answer.raw.stream(1, decode_content=True)))
    outputs = [event for event in events if event.name == "output"]
    assert "".join(event.payload["data"] for event in outputs) == "0\n1\n2\n"
    # A line may come in two pieces: an unbuffered print writes its text and its line end apart.
    times = [event.at for event in outputs if event.payload["data"][0].isdigit()]
    times.append(events[-1].at)
    assert len(times) == 4
    assert times[1] - times[0] > 1 and times[2] - times[1] > 1 and times[3] - times[2] > 1


def test_first_event_comes_while_the_program_still_runs(api):
    """No clock: the program's process is alive on the host when its first output is read."""
    marker = f"87654.{uuid.uuid4().int % 10**12:012d}"
    code = f"import subprocess\np = subprocess.Popen(['sleep', '{marker}'])\nprint('go')\np.wait()"
    with api.open_stream(code, timeout_ms=20000) as answer:
        events = read_events(answer.raw.stream(1, decode_content=True))  # Dropping it hangs up.
        first = next(events)
        assert first.payload["stream"] == "stdout"
        assert first.payload["data"] in ("go", "go\n")
        assert host.wait_for_marker(marker)
        events.close()
    host.wait_until_marker_gone(marker)


TEXTS = [
    "\u00e9\u6f22\U0001f600",
    "a\u2028b\u2029c\u0085d",
    "x\x0b\x0c\x1c\x1d\x1e\x7fy",
    "\r\r\n\n\n",
    "data: x\n\nevent: result\ndata: {}\n\n",
    '"quotes" \\ and \\u2028',
    "\0\x01\x02",
    "\ufeff\ufffd\uffff",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_survives(api, text):
    code = f"import sys\nsys.stdout.buffer.write({text.encode()!r})\nsys.stderr.buffer.write({text.encode()!r})"
    stream = api.stream(code)
    assert stream.stdout == text
    assert stream.stderr == text


def test_characters_written_byte_by_byte_stay_whole(api):
    text = "\u00e9\u6f22\U0001f600" * 20
    code = (
        f"import os, time\nfor b in {text.encode()!r}:\n    os.write(1, bytes([b]))\n"
        "    time.sleep(0.001)"
    )
    stream = api.stream(code)
    assert stream.stdout == text
    assert "\ufffd" not in stream.stdout


def test_incomplete_character_at_the_end(api):
    stream = api.stream("import os\nos.write(1, b'ab\\xe6\\xbc')")
    assert stream.stdout == "ab\ufffd"


def test_print_of_two_megabytes(api):
    """The first million bytes are sent, the rest is dropped without a mark."""
    stream = api.stream("print('z' * 2_000_000)\nimport sys\nprint('end', file=sys.stderr)")
    assert stream.stdout == "z" * 1_000_000
    assert stream.stderr == "end\n"
    assert stream.result["exit_code"] == 0


@pytest.mark.parametrize(
    "body, status",
    [
        ({}, 422),
        ({"code": "", "timeout_ms": 0}, 422),
        ({"code": "", "timeout_ms": 60001}, 422),
        ({"code": "", "files": [{"path": "a", "file_id": "nope"}]}, 404),
    ],
)
def test_early_errors_are_plain_http(api, body, status):
    answer = api.post(URL, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert "detail" in answer.json()


def test_bad_path_is_never_a_404(api):
    made = api.upload(b"x")
    answer = api.post(URL, json={"code": "", "files": [{"path": "../x", "file_id": made}]})
    if answer.status_code == 200:
        (event,) = read_events([answer.content])
        assert event.name == "error" and "File paths" in event.payload["message"]
    else:
        assert answer.status_code == 422
        assert "File paths" in answer.json()["detail"]


def test_client_that_goes_away_ends_the_program(api):
    marker = f"76543.{uuid.uuid4().int % 10**12:012d}"
    code = f"import subprocess\nsubprocess.run(['sleep', '{marker}'])"
    answer = api.open_stream(code, timeout_ms=60000)
    assert host.wait_for_marker(marker)
    begin = time.monotonic()
    answer.raw.close()
    answer.close()
    host.wait_until_marker_gone(marker, timeout_s=10)
    assert time.monotonic() - begin < 10


def test_slow_reader_gets_everything(api):
    code = "for i in range(50_000):\n    print(i)"
    with api.open_stream(code) as answer:
        pieces = []
        for piece in answer.raw.stream(4096, decode_content=True):
            pieces.append(piece)
            if len(pieces) % 20 == 0:
                time.sleep(0.01)  # The reader is slow on purpose.
    events = list(read_events(pieces))
    text = "".join(e.payload["data"] for e in events if e.name == "output")
    assert text == "".join(f"{i}\n" for i in range(50_000))
