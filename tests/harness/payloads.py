"""The programs of tests/payloads: their text, and a run of one on the bare host for comparison."""

import json
import subprocess
import sys
from pathlib import Path

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"


def payload(name):
    return (PAYLOADS / f"{name}.py").read_text()


def run_on_host(name, stdin="", timeout_s=60):
    """Runs a payload without any sandbox and returns the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, str(PAYLOADS / f"{name}.py")],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_in_sandbox(api, name, stdin="", **fields):
    """Runs a payload over the API and returns the JSON that it prints."""
    return api.execute_json(payload(name), stdin=stdin, **fields)
