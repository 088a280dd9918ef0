"""What the guard concludes from what it was told."""

from __future__ import annotations

from pipeline.stack.guard import left_open
from pipeline.stack.traces import Trace


def test_lives_that_did_not_end_are_left_open() -> None:
    told = ["+10 aa\n", "+11 bb\n", "-10 aa\n", "+12 cc\n"]
    assert left_open(told) == {Trace(11, "bb"), Trace(12, "cc")}


def test_an_end_of_a_life_nobody_told_of_changes_nothing() -> None:
    assert left_open(["-10 aa\n"]) == set()
