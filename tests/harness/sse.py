"""A strict reader of the event stream: bytes in, events out, every deviation is a failure."""

import json
import time
from dataclasses import dataclass, field


@dataclass
class Event:
    name: str
    payload: dict
    raw: bytes
    at: float  # time.monotonic() when its last byte was read


@dataclass
class Stream:
    status: int
    headers: dict
    events: list = field(default_factory=list)
    raw: bytes = b""

    def text(self, stream):
        return "".join(
            e.payload["data"]
            for e in self.events
            if e.name == "output" and e.payload["stream"] == stream
        )

    @property
    def stdout(self):
        return self.text("stdout")

    @property
    def stderr(self):
        return self.text("stderr")

    @property
    def result(self):
        assert self.events and self.events[-1].name == "result", self.events[-1:]
        return self.events[-1].payload

    def names(self):
        return [e.name for e in self.events]


def parse_event(block):
    """One event without its final blank line; None for a comment."""
    assert b"\r" not in block, block
    if block.startswith(b":"):
        assert b"\n" not in block, block
        return None
    lines = block.split(b"\n")
    assert len(lines) == 2, block
    assert lines[0].startswith(b"event: "), block
    assert lines[1].startswith(b"data: "), block
    data = lines[1][len(b"data: ") :].decode("utf-8")
    assert len(data.splitlines()) == 1, f"a client cuts this into pieces: {data!r}"
    payload = json.loads(data)
    event = Event(lines[0][len(b"event: ") :].decode(), payload, block, time.monotonic())
    _check(event)
    return event


def _check(event):
    payload = event.payload
    if event.name == "output":
        assert list(payload) == ["stream", "data"], payload
        assert payload["stream"] in ("stdout", "stderr") and payload["data"], payload
    elif event.name == "result":
        assert list(payload) == ["exit_code", "timed_out", "duration_ms", "files"], payload
        assert isinstance(payload["timed_out"], bool)
        assert type(payload["duration_ms"]) is int and payload["duration_ms"] >= 0
    else:
        assert event.name == "error", event.name
        assert list(payload) == ["message"] and isinstance(payload["message"], str), payload


def read_events(chunks):
    """Yields the events of an iterable of byte pieces; checks that nothing is left over."""
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        while b"\n\n" in buffer:
            block, buffer = buffer.split(b"\n\n", 1)
            event = parse_event(block)
            if event:
                yield event
    assert buffer == b"", buffer
