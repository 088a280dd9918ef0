"""Reading the process table."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.stack.traces import Process, Trace, members, parse_stat


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields() -> None:
    stat = "4242 (a) b (c)) S 1 4242 4200 0 -1 4194560 100"
    assert parse_stat(stat) == Process(pid=4242, parent=1, session=4200, state="S")


def test_our_own_entry_reads_as_we_know_ourselves() -> None:
    mine = parse_stat(Path("/proc/self/stat").read_text())
    assert (mine.pid, mine.parent, mine.session) == (os.getpid(), os.getppid(), os.getsid(0))


def test_nobody_has_a_trace_that_was_never_left() -> None:
    assert members([Trace(2**22 + 1, "no such mark")]) == set()
    assert members([]) == set()
