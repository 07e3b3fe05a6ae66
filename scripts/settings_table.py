#!/usr/bin/env python3
"""Writes the table of settings into docs/configuration.md, from what the server says about itself.

    scripts/settings_table.py [--check] <cloister binary>

With --check nothing is written; the status is 1 when the table is not up to date.
"""

import json
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
# Their defaults depend on the user; the help says how.
DEPENDENT = {"state_dir", "file_storage_dir"}


def row(setting):
    value = "" if setting["name"] in DEPENDENT else setting["value"]
    shown = f"`{value}`" if value else "empty"
    return f"| `{setting['name']}` | {shown} | {setting['allowed']} | {setting['help']} |\n"


def table(binary):
    text = subprocess.check_output([binary, "config", "--json"], env={}, text=True)
    head = "| Setting | Default | Allowed | Meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(row(setting) for setting in json.loads(text))


def main():
    check = "--check" in sys.argv
    binary = str(Path(sys.argv[-1]).resolve())
    old = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = before + BEGIN + table(binary) + END + after
    if new == old:
        return 0
    if check:
        print(f"{DOCUMENT.name} is not up to date; run {sys.argv[0]} {sys.argv[-1]}", file=sys.stderr)
        return 1
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
