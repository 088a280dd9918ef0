"""Schedule runs: what became of the last run of each row of beat, and that none is done twice."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.history.database import changed, now
from pipeline.models import ScheduleRun

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: Nothing is done so long before it is due: the clock was set back since.
FAR_AHEAD = timedelta(days=1)


class Outcome(enum.StrEnum):
    """How a run ended, or that it goes on."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """The last run of a row of beat: when, how it ended, and in a sentence what it did.

    `finished_at` is None while it runs. `facts` are numbers for programs.
    """

    task_id: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    summary: str
    facts: dict[str, Any]


def begin(session: Session, name: str, *, task: str, task_id: str, due_at: datetime | None) -> bool:
    """Note that the run begins; False when the one due at this moment was begun before.

    `due_at` is None for a run that is for no certain moment: it is never refused. Neither is one
    that its worker did not live to end, when its message comes back.
    """
    at = now(session)
    values = {
        "task": task,
        "task_id": task_id,
        "started_at": at,
        "finished_at": None,
        "outcome": Outcome.RUNNING.value,
        "summary": "",
        "facts": {},
    }
    if due_at is not None:
        values["due_at"] = due_at
    if session.get(ScheduleRun, name) is None:
        try:
            with session.begin_nested():
                session.execute(insert(ScheduleRun).values(name=name, **values))
        except IntegrityError:
            pass  # somebody else was first: see for which moment
        else:
            return True
    mine = ScheduleRun.name == name
    if due_at is not None:
        unended = (ScheduleRun.task_id == task_id) & ScheduleRun.finished_at.is_(None)
        # Of a moment that far ahead, the clock was wrong when it was begun.
        wrong = (ScheduleRun.due_at > at + FAR_AHEAD) & (ScheduleRun.due_at != due_at)
        earlier = or_(ScheduleRun.due_at.is_(None), ScheduleRun.due_at < due_at)
        mine &= or_(earlier, unended, wrong)
    return changed(session, update(ScheduleRun).where(mine).values(**values)) == 1


def finish(
    session: Session, name: str, task_id: str, outcome: Outcome, summary: str, facts: dict[str, Any]
) -> None:
    """Note how the run ended; nothing, when a later one has begun since."""
    mine = (ScheduleRun.name == name) & (ScheduleRun.task_id == task_id)
    values = {"finished_at": now(session), "outcome": outcome, "summary": summary, "facts": facts}
    session.execute(update(ScheduleRun).where(mine).values(**values))


def results(session: Session) -> dict[str, Result]:
    """Give the last result of each row of beat that ever ran, by its name."""
    return {row.name: _result(row) for row in session.scalars(select(ScheduleRun))}


def result(session: Session, name: str) -> Result | None:
    """Give the last result of one row of beat; None when it never ran."""
    row = session.get(ScheduleRun, name)
    return None if row is None else _result(row)


def _result(row: ScheduleRun) -> Result:
    return Result(row.task_id, row.started_at, row.finished_at, row.outcome, row.summary, row.facts)
