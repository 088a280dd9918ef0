"""When a dead part is started again: a pure choice."""

from __future__ import annotations

from pipeline.stack.supervisor import GROWN_UP_S, wait_before_restart


def waits(lived_s: float, times: int) -> list[float]:
    chosen: list[float] = []
    for _ in range(times):
        chosen.append(wait_before_restart(chosen[-1] if chosen else None, lived_s))
    return chosen


def test_waits_double_up_to_half_a_minute() -> None:
    assert waits(1.0, 9) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_part_that_lived_a_minute_begins_anew() -> None:
    assert wait_before_restart(30.0, GROWN_UP_S) == 0.5
