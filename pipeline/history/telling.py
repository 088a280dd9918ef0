"""Telling: what is said again and again is told once, with how often it was said."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from pipeline.history.words import step_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.history.events import EventView

#: Where in memory a part of a tool was: another one at every start, and for each of its threads.
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
#: Events of several steps that come no further apart are one: a tool works on all of them.
TOGETHER = timedelta(seconds=1)
#: Stands where the beginning of a log was left out.
CUT = "…\n"


def story(events: Iterable[EventView]) -> list[EventView]:
    """Tell a job's log as people read it: steps that go together in one line, repeats counted.

    Each line has the time of the first event it tells of.
    """
    lines: list[list[EventView]] = []
    for event in events:
        if lines and _belong(lines[-1][0], event):
            lines[-1].append(event)
        else:
            lines.append([event])
    return [_line(line) for line in lines]


def _belong(first: EventView, event: EventView) -> bool:
    names, said = step_first(event.message)
    same = (first.kind, step_first(first.message)[1]) == (event.kind, said)
    return same and (not names or event.at - first.at <= TOGETHER)


def _line(line: Sequence[EventView]) -> EventView:
    names = [step_first(event.message)[0] for event in line]
    if not all(names):
        return line[0].model_copy(update={"message": _counted(line[0].message, len(line))})
    message = ", ".join(dict.fromkeys(names)) + step_first(line[0].message)[1]
    most = max(map(names.count, names))
    return line[0].model_copy(update={"message": _counted(message, most)})


def once(log: str) -> str:
    """Tell lines of a tool's log that follow each other and are the same once, and how often.

    Addresses in memory are left out: they make the same line another one, and say nothing.
    """
    found = groupby(_ADDRESS.sub("", log).split("\n"))
    return "\n".join(_counted(line, sum(1 for _ in same)) for line, same in found)


def ending(log: str, most: int) -> str:
    """Give the end of a log, at most so many letters of it, from a whole line on."""
    if len(log) <= most:
        return log
    kept = log[len(CUT) - most :]
    _, line_end, rest = kept.partition("\n")
    return CUT + (rest if line_end and rest else kept)


def _counted(text: str, count: int) -> str:
    return text if count == 1 or not text else f"{text} ({count} times)"
