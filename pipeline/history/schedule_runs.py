"""Schedule runs: what became of the last run of each row of beat, and that none is done twice.

Who does a run holds it by a lease, as a step is held: one whose worker died is not told to go on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.history.database import changed, now
from pipeline.history.steps import LEASE, TOO_FAR
from pipeline.models import ScheduleRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

#: Nothing is done so long before it is due: the clock was set back since.
FAR_AHEAD = timedelta(days=1)
#: How long a run is believed to go on that nobody holds by a lease: a worker of an earlier release,
#: as there is one while a system is upgraded, writes none.
UNHELD = timedelta(days=1)


class Outcome(enum.StrEnum):
    """How a run ended, or that it goes on."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    #: What a row never holds: it says that it runs, and nothing is left of its worker.
    LOST = "lost"


class Beginning(enum.Enum):
    """What becomes of a message that asks for a run."""

    #: The run is the caller's.
    BEGUN = enum.auto()
    #: Nothing is to be done: the run for this moment was begun by another message, or has ended.
    DONE_BEFORE = enum.auto()
    #: The message was delivered before, and who got it then does the run.
    HELD = enum.auto()


#: What is told of a run that was lost, in place of what it did.
LOST = "its worker ended before it did"


@dataclass(frozen=True)
class Run:
    """One run of a row of beat, and who does it: `node/process/delivery/task id`."""

    name: str
    task: str
    task_id: str
    owner: str


@dataclass(frozen=True)
class Result:
    """The last run of a row of beat: when, how it ended, and in a sentence what it did.

    `finished_at` is None while it runs, and when it was lost. `facts` are numbers for programs.
    """

    task_id: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    summary: str
    facts: dict[str, Any]


def _nobody(_: str) -> bool:
    return False


def begin(
    session: Session, run: Run, *, due_at: datetime | None, dead: Callable[[str], bool] = _nobody
) -> Beginning:
    """Note that the run begins, unless the one due at this moment was begun before.

    `due_at` is None for a run that is for no certain moment: no other message begins it.
    A run that its worker did not live to end begins once more when its message comes back, as does
    one whose beginning was kept though its worker did not hear so. While another holds it, who got
    its message too can't know whether the run will be ended. `dead` is as for `Looking`.
    """
    if session.get(ScheduleRun, run.name) is None:
        try:
            with session.begin_nested():
                session.add(ScheduleRun(name=run.name, **_begun(run, due_at, now(session))))
        except IntegrityError:
            pass  # somebody else was first: see for which moment
        else:
            return Beginning.BEGUN
    row = session.get_one(ScheduleRun, run.name, with_for_update=True, populate_existing=True)
    at = now(session)
    if row.task_id == run.task_id:
        if row.finished_at is not None:
            return Beginning.DONE_BEFORE
        held = _names_who_holds(row) and not Looking(dead).is_lost(row, at)
        if held and row.owner != run.owner:
            return Beginning.HELD
    elif due_at is not None and not _is_later(row.due_at, due_at, at):
        return Beginning.DONE_BEFORE
    for key, value in _begun(run, due_at, at).items():
        setattr(row, key, value)
    return Beginning.BEGUN


def _begun(run: Run, due_at: datetime | None, at: datetime) -> dict[str, Any]:
    values = {
        "task": run.task,
        "task_id": run.task_id,
        "owner": run.owner,
        "lease_until": at + LEASE,
        "started_at": at,
        "finished_at": None,
        "outcome": Outcome.RUNNING.value,
        "summary": "",
        "facts": {},
    }
    return values if due_at is None else {**values, "due_at": due_at}


def _is_later(before: datetime | None, due_at: datetime, at: datetime) -> bool:
    """Whether nothing was begun yet for the moment `due_at`, when the last was for `before`."""
    if before is None or before < due_at:
        return True
    # Of a moment that far ahead, the clock was wrong when it was begun.
    return before > at + FAR_AHEAD and before != due_at


def _names_who_holds(row: ScheduleRun) -> bool:
    """Whether the row says who holds its run: an earlier release left who held the one before."""
    return row.owner is not None and row.owner.endswith(f"/{row.task_id}")


def beat(session: Session, run: Run) -> bool:
    """Extend the lease of a run; False when a later one has begun since, or it has ended."""
    lease_until = now(session) + LEASE
    extended = update(ScheduleRun).where(_held(run)).values(lease_until=lease_until)
    return changed(session, extended) == 1


def finish(
    session: Session, run: Run, outcome: Outcome, summary: str, facts: dict[str, Any]
) -> None:
    """Note how the run ended; nothing, when a later one has begun since.

    Nor when another worker got its message and does it once more: the end of that one counts.
    """
    values = {
        "finished_at": now(session),
        "owner": None,
        "lease_until": None,
        "outcome": outcome,
        "summary": summary,
        "facts": facts,
    }
    session.execute(update(ScheduleRun).where(_held(run)).values(**values))


def _held(run: Run) -> ColumnElement[bool]:
    return (
        (ScheduleRun.name == run.name)
        & (ScheduleRun.task_id == run.task_id)
        & (ScheduleRun.owner == run.owner)
        & ScheduleRun.finished_at.is_(None)
    )


@dataclass(frozen=True)
class Looking:
    """How a run is looked at whose row says that it goes on.

    `dead` tells of an owner whether nothing is left of it, for certain. `full` says that the
    database's disk was full a moment ago: then who holds a run could not beat.
    """

    dead: Callable[[str], bool]
    full: bool = False

    def is_lost(self, row: ScheduleRun, at: datetime) -> bool:
        """Whether a run without an end has nobody who does it."""
        owner, until = row.owner, row.lease_until
        if owner is None or until is None or not _names_who_holds(row):
            return abs(at - row.started_at) > UNHELD
        return self.dead(owner) or (not self.full and not at < until <= at + TOO_FAR)


def results(session: Session, looking: Looking) -> dict[str, Result]:
    """Give the last result of each row of beat that ever ran, by its name."""
    at = now(session)
    return {row.name: _result(row, looking, at) for row in session.scalars(select(ScheduleRun))}


def result(session: Session, name: str, looking: Looking) -> Result | None:
    """Give the last result of one row of beat; None when it never ran."""
    row = session.get(ScheduleRun, name)
    return None if row is None else _result(row, looking, now(session))


def _result(row: ScheduleRun, looking: Looking, at: datetime) -> Result:
    outcome, summary = row.outcome, row.summary
    if row.finished_at is None and looking.is_lost(row, at):
        outcome, summary = Outcome.LOST.value, LOST
    return Result(row.task_id, row.started_at, row.finished_at, outcome, summary, row.facts)


def spoilt(session: Session, most: int) -> list[tuple[str, str]]:
    """Name rows of beat whose last run failed or was lost, and what is told of it."""
    unsure = ScheduleRun.finished_at.is_(None)
    query = select(ScheduleRun).where(or_(ScheduleRun.outcome == Outcome.FAILED.value, unsure))
    at, looking = now(session), Looking(lambda _: False)
    rows = session.scalars(query.order_by(ScheduleRun.name))
    told = ((row.name, _result(row, looking, at)) for row in rows)
    bad = (Outcome.FAILED, Outcome.LOST)
    return [(name, one.summary) for name, one in told if one.outcome in bad][:most]
