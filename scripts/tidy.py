#!/usr/bin/env python3
"""Runs clang-tidy on every source file that changed since it was last found clean.

A file is unchanged when its bytes, those of every project header it includes, its compiler
command, the checks and the analyser's version are the same. Clean results are remembered in a
directory outside the checkout, so other branches and fresh checkouts profit too.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ANALYSER = "clang-tidy-19"
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


class Sources:
    """Finds the project files that a file depends on. Generated headers are below `build`."""

    def __init__(self, build):
        self.search = [ROOT / "src", build / "generated"]
        self.content = {}

    def read(self, path):
        if path not in self.content:
            self.content[path] = path.read_bytes()
        return self.content[path]

    def resolve(self, name):
        return next((base / name for base in self.search if (base / name).is_file()), None)

    def closure(self, path):
        found, open_ends = {path}, [path]
        while open_ends:
            for name in INCLUDE.findall(self.read(open_ends.pop())):
                header = self.resolve(name.decode())
                if header and header not in found:
                    found.add(header)
                    open_ends.append(header)
        return sorted(found)


def fingerprint(entry, sources, common):
    digest = hashlib.sha256(common)
    command = entry.get("command") or " ".join(entry["arguments"])
    # The place of the checkout decides nothing.
    digest.update(command.replace(str(ROOT), "").encode())
    for path in sources.closure(Path(entry["file"])):
        digest.update(path.name.encode() + b"\0" + sources.read(path))
    return digest.hexdigest()


def analyse(path, build):
    return subprocess.run(
        [ANALYSER, "--quiet", f"-p={build}", "--warnings-as-errors=*", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def own_entries(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    own = str(ROOT / "src")
    # Tests are left out: they run under the sanitizers, and GoogleTest's macros cost the analyser most.
    return [
        entry
        for entry in commands
        if entry["file"].startswith(own)
        and entry["file"].endswith(".cpp")
        and not entry["file"].endswith("_test.cpp")
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    arguments.cache.mkdir(parents=True, exist_ok=True)

    version = subprocess.run([ANALYSER, "--version"], capture_output=True, check=True).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()
    sources = Sources(build)
    stamps = {
        Path(entry["file"]): arguments.cache / fingerprint(entry, sources, common)
        for entry in own_entries(build)
    }
    changed = [path for path, stamp in stamps.items() if not stamp.exists()]
    print(f"clang-tidy: {len(changed)} of {len(stamps)} files to look at")

    failures = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for path, result in zip(changed, pool.map(lambda one: analyse(one, build), changed)):
            if result.returncode == 0:
                stamps[path].touch()
                continue
            failures += 1
            print(f"{path.relative_to(ROOT)}:\n{result.stdout}{result.stderr}")
    if failures:
        print(f"clang-tidy: findings in {failures} files")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
