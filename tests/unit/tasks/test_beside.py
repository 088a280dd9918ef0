"""A second part of a step's work goes on beside the first, and ends with it."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

import pytest

from pipeline.media.process import Progress, run
from pipeline.tasks.beside import NotNeeded, beside

if TYPE_CHECKING:
    from collections.abc import Callable


def test_both_parts_go_on_at_once() -> None:
    met = Event()

    def second(_: Callable[[Progress], None]) -> str:
        met.set()
        return "made"

    with beside(second) as being_made:
        assert met.wait(10), "the second part waited for the first"
        assert being_made.result(10) == "made"


def test_the_second_is_stopped_with_its_tool_when_the_first_fails() -> None:
    began, begun, seen = time.monotonic(), Event(), []

    def second(tick: Callable[[Progress], None]) -> None:
        begun.set()
        try:
            run(["sleep", "60"], on_tick=tick)
        except BaseException as problem:
            seen.append(type(problem))
            raise

    def fail() -> None:
        begun.wait(10)
        raise ValueError("the first failed")

    with pytest.raises(ValueError, match="the first"), beside(second):
        fail()
    assert seen == [NotNeeded]
    assert time.monotonic() - began < 30


def test_what_the_second_says_of_its_failure_is_heard() -> None:
    def second(_: Callable[[Progress], None]) -> None:
        raise ValueError("no poster")

    with pytest.raises(ValueError, match="no poster"), beside(second) as being_made:
        being_made.result(10)
