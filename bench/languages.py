#!/usr/bin/env python3
"""Measures first and second runs of every language against the bare toolchain, and prints a table.

Starts its own release server with the image `full`. A first run has a text that the server has not
seen, so that nothing is kept for it; a second run repeats it. Beside them, in turns within the same
rounds, the image's own compiler and program run by chroot with no isolation. Needs root for that.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path[:0] = [str(BENCH), str(ROOT / "tests")]

# pylint: disable=wrong-import-position
from harness import server as harness  # noqa: E402
from harness.languages import BY_NAME, LANGUAGES  # noqa: E402
from measure import median, percentile  # noqa: E402
from run import BARS, Table, machine  # noqa: E402

KEY = "key-of-the-benchmark"
NODE = "/usr/bin/node"


@dataclass(frozen=True)
class Bare:
    """What a user of the toolchain types, in a folder with the text as `source`."""

    source: str
    run: list
    compile: list = None
    comment: str = "//"


BARE = {
    "python": Bare("main.py", ["/usr/bin/python3", "main.py"], comment="#"),
    "javascript": Bare("main.js", [NODE, "main.js"]),
    "typescript": Bare(
        "main.ts",
        [NODE, "main.js"],
        ["/usr/bin/esbuild", "main.ts", "--bundle", "--platform=node", "--outfile=main.js"]
        + ["--sourcemap=inline", "--log-level=error"],
    ),
    "bash": Bare("main.sh", ["/bin/bash", "main.sh"], comment="#"),
    "c": Bare("main.c", ["./main"], ["/usr/bin/gcc", "-O1", "-o", "main", "main.c", "-lm"]),
    "cpp": Bare(
        "main.cpp", ["./main"], ["/usr/bin/g++", "-std=c++20", "-O1", "-o", "main", "main.cpp"]
    ),
    "java": Bare(
        "Greeting.java",
        ["/usr/bin/java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ".", "Greeting"],
        ["/usr/bin/javac", "Greeting.java"],
    ),
    "go": Bare("main.go", ["./main"], ["/usr/bin/go", "build", "-o", "main", "main.go"]),
    "rust": Bare(
        "main.rs", ["./main"], ["/usr/bin/rustc", "-Copt-level=1", "-o", "main", "main.rs"]
    ),
    "php": Bare("main.php", ["/usr/bin/php", "main.php"]),
    "r": Bare("main.R", ["/usr/bin/Rscript", "main.R"], comment="#"),
    "d": Bare("main.d", ["./main"], ["/usr/bin/ldc2", "-O1", "-of=main", "main.d"]),
    "fortran": Bare(
        "main.f90", ["./main"], ["/usr/bin/gfortran", "-O1", "-o", "main", "main.f90"], "!"
    ),
    "ruby": Bare("main.rb", ["/usr/bin/ruby", "main.rb"], comment="#"),
    "perl": Bare("main.pl", ["/usr/bin/perl", "main.pl"], comment="#"),
    "lua": Bare("main.lua", ["/usr/bin/lua5.4", "main.lua"], comment="--"),
}

# What the project holds itself to.
for _name, _most in (("python", 5), ("bash", 5), ("javascript", 40)):
    BARS[f"{_name}, p50"] = (f"≤ {_most} ms", lambda value, base, most=_most: value <= most)
for _name, _bare in BARE.items():
    if _bare.compile:
        BARS[f"{_name}, first run, p50"] = (
            "ratio ≤ 1.15",
            lambda value, base: base is not None and value <= 1.15 * base,
        )
        BARS[f"{_name}, second run, p50"] = (
            "≤ 1.2 × + 5 ms",
            lambda value, base: base is not None and value <= 1.2 * base + 5,
        )


class Connection:
    """One keep-alive connection; a request is one write, so that nothing waits for an acknowledgement."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def run(self, lang, code):
        """Milliseconds until the answer is there; the program has to print hello."""
        body = json.dumps({"lang": lang, "code": code, "timeout": 30}).encode()
        head = f"POST /exec HTTP/1.1\r\nHost: bench\r\nx-api-key: {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        begin = time.monotonic()
        self.socket.sendall(head.encode() + body)
        answer = self._read()
        took = (time.monotonic() - begin) * 1000
        if json.loads(answer)["stdout"] != "hello\n":
            raise RuntimeError(f"{lang}: {answer[:500]!r}")
        return took

    def _read(self):
        status = self.reader.readline()
        headers = {}
        while (line := self.reader.readline()) != b"\r\n":
            name, value = line.split(b":", 1)
            headers[name.lower()] = value.strip()
        if b"content-length" in headers:
            body = self.reader.read(int(headers[b"content-length"]))
        else:  # An answer that took longer comes in pieces.
            body = b""
            while size := int(self.reader.readline(), 16):
                body += self.reader.read(size)
                self.reader.readline()
            self.reader.readline()
        if status.split()[1] != b"200":
            raise RuntimeError(f"{status!r} {body[:500]!r}")
        return body

    def close(self):
        self.reader.close()
        self.socket.close()


class BareImage:
    """The image's root with a writable /tmp of its own, in a mount namespace of its own.

    The namespace is that of a shell which waits for its standard input to be closed.
    """

    def __init__(self, rootfs, directory):
        self.rootfs = rootfs
        self.helper = Path(directory) / "bare_command"
        subprocess.run(
            ["gcc", "-O2", "-o", str(self.helper), str(BENCH / "bare_command.c")], check=True
        )
        script = (
            "mount --make-rprivate / && mount -t tmpfs bench $1/tmp && mount --rbind /proc $1/proc"
            " && mount --rbind /dev $1/dev && echo ready && cat >/dev/null"
        )
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-ec", script, "-", str(rootfs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError("the image's root could not be prepared")

    def _enter(self, *command, **options):
        enter = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", *map(str, command)]
        done = subprocess.run(enter, capture_output=True, text=True, check=False, **options)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout

    def write(self, name, source, text):
        folder = f"{self.rootfs}/tmp/{name}"
        self._enter("mkdir", "-p", folder)
        self._enter("tee", f"{folder}/{source}", input=text)

    def times(self, name, count, command):
        """Milliseconds of each of `count` runs."""
        text = self._enter(self.helper, self.rootfs, f"/tmp/{name}", count, *command)
        return [value / 1000 for value in json.loads(text)]

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


def rootfs_of(image):
    store = harness.find_images()
    digest = (store / "refs" / image).read_text().strip()
    return store / "by-digest" / digest / "rootfs"


class Bench:
    def __init__(self, port, image, rounds, scale):
        self.connection, self.image = Connection(port), image
        self.rounds, self.scale = rounds, scale
        self.table = Table()

    def count(self, number):
        return max(3, int(number * self.scale))

    def unseen(self, name):
        text = BY_NAME[name].program("hello").rstrip("\n")
        return f"{text}\n{BARE[name].comment} {uuid.uuid4()}\n"

    def measure(self, name):
        bare, lang = BARE[name], BY_NAME[name].codes[0]
        self.image.write(name, bare.source, BY_NAME[name].program("hello"))
        if bare.compile:
            self.bare_compile(name)  # Files of the toolchain are read from the disk, caches filled.
        self.connection.run(lang, self.unseen(name))
        rounds = {"first": [], "second": [], "bare first": [], "bare second": []}
        for _ in range(self.rounds):
            seen = self.unseen(name)
            self.connection.run(lang, seen)
            texts = [self.unseen(name) for _ in range(self.count(6))]
            rounds["first"].append([self.connection.run(lang, text) for text in texts])
            compiled = [self.bare_compile(name) for _ in texts] if bare.compile else [0.0]
            started = self.image.times(name, self.count(20), bare.run)
            rounds["second"].append(
                [self.connection.run(lang, seen) for _ in range(self.count(20))]
            )
            rounds["bare first"].append([value + median(started) for value in compiled])
            rounds["bare second"].append(started)
        self.report(name, rounds)

    def bare_compile(self, name):
        """Of a new text too: go build keeps what it made."""
        self.image.write(name, BARE[name].source, self.unseen(name))
        return self.image.times(name, 1, BARE[name].compile)[0]

    def report(self, name, rounds):
        kinds = [("first", "first run, "), ("second", "second run, ")]
        if not BARE[name].compile:  # There is nothing to keep.
            kinds = [("second", "")]
        for kind, words in kinds:
            for percent in (50, 99):
                value = median([percentile(times, percent) for times in rounds[kind]])
                base = median([percentile(times, percent) for times in rounds[f"bare {kind}"]])
                self.table.add(f"{name}, {words}p{percent}", value, "ms", base)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every number of runs")
    parser.add_argument("--only", action="append", help="one language; may be repeated")
    parser.add_argument("--image", default="full")
    parser.add_argument("--output", help="file for the table")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("the comparison with the bare toolchain needs root")
    release = ROOT / "build" / "release" / "src" / "bin" / "cloister"
    if "CLOISTER_BIN" not in os.environ and release.is_file():
        os.environ["CLOISTER_BIN"] = str(release)
    settings = {"CI_API_KEY": KEY, "CLOISTER_IMAGE": options.image, "LOG_LEVEL": "warning"}
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloister-bench-"))
        # The server's end is checked for processes that are left, so it comes last.
        running = stack.enter_context(harness.Server(settings))
        image = stack.enter_context(
            contextlib.closing(BareImage(rootfs_of(options.image), directory))
        )
        bench = Bench(running.port, image, options.rounds, options.scale)
        stack.callback(bench.connection.close)
        for language in LANGUAGES:
            if not options.only or language.name in options.only:
                bench.measure(language.name)
    text = f"Median of {options.rounds} rounds; {machine()}.\n\n{bench.table.markdown()}\n"
    print(text)
    if options.output:
        Path(options.output).write_text(text)


if __name__ == "__main__":
    main()
