#!/usr/bin/env python3
"""Sums up what the parts of ./test left behind and prints one line: N passed, N failed, N skipped.

Each directory below the one given is a part: JUnit reports of GoogleTest and pytest, and the part's
exit status in `exit-status`. A part without reports counts as one test; a part that failed although
no test in its reports did (it crashed, or did not build) counts as one failure more.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path


def verdict(case):
    """One test case of either producer: GoogleTest marks disabled tests by an attribute."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") == "notrun":
        return "skipped"
    return "passed"


def count_report(path):
    try:
        return Counter(verdict(case) for case in ElementTree.parse(path).iter("testcase"))
    except ElementTree.ParseError:
        return Counter()  # Cut off by a crash, which the exit status tells.


def count_part(directory):
    counts = Counter()
    for report in sorted(directory.glob("*.xml")):
        counts += count_report(report)
    status = directory / "exit-status"
    failed = not status.is_file() or status.read_text().strip() != "0"
    if failed and not counts["failed"]:
        counts["failed"] += 1
    elif not failed and not counts:
        counts["passed"] += 1
    return counts


def main():
    results = Path(sys.argv[1])
    total = Counter()
    print()
    for directory in sorted(path for path in results.iterdir() if path.is_dir()):
        counts = count_part(directory)
        total += counts
        if counts["failed"]:
            print(f"{directory.name}: {counts['failed']} failed")
    line = f"{total['passed']} passed, {total['failed']} failed"
    print(line + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
