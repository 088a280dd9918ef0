"""Fail when a test was skipped: `no_skips.py REPORT` reads pytest's JUnit report.

Where this runs everything is there (services that don't answer are not asked for), so a skipped
test is one that nobody notices is broken. A test that needs the address of a server names the
variable in its reason, `(NAME)`, or also how it must begin, `(NAME=postgresql)`; it may be skipped
only where the variable is not set, or begins otherwise.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from defusedxml import ElementTree


def skipped(report: Path) -> list[str]:
    """Name each skipped test of the report, with the reason."""
    cases = ElementTree.parse(report).iter("testcase")
    return [
        f"{case.get('classname')}::{case.get('name')}: {reason.get('message')}"
        for case in cases
        for reason in case.findall("skipped")
        if reason.get("type") != "pytest.xfail" and not _was_not_given(reason.get("message", ""))
    ]


def _was_not_given(reason: str) -> bool:
    """Whether the reason is that an address, or one of that kind, was not given, and it was not."""
    named = re.search(r"\((REELWORKS_[A-Z]+)(?:=([a-z]+))?\)", reason)
    if named is None:
        return False
    given = os.environ.get(named[1])
    return given is None or not given.startswith(named[2] or "")


if __name__ == "__main__":
    found = skipped(Path(sys.argv[1]))
    for line in found:
        sys.stderr.write(f"skipped: {line}\n")
    sys.exit(1 if found else 0)
