"""Timed: what every task that runs by the clock does around its work: once, and with its result."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import Task
from celery.exceptions import Reject

from pipeline.app import runtime
from pipeline.history import schedule_runs
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.history.schedule_runs import Beginning, Outcome, Run
from pipeline.tasks.explain import AWAY
from pipeline.tasks.owner import is_dead, owner_of
from pipeline.tasks.runs import Stopping, kept, shown_alive, wait_a_moment

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.history.database import Database

logger = logging.getLogger(__name__)

#: The header with the name of the row of beat that a message was sent for.
ROW = "periodic_task_name"
#: The header with the moment that the run was due at; without it, it is for no certain one.
DUE_AT = "reelworks_due_at"


@dataclass(frozen=True)
class Told:
    """What a run did: in a sentence for people, and in numbers for programs."""

    summary: str
    facts: dict[str, Any] = field(default_factory=dict)


if TYPE_CHECKING:
    _Base = Task[..., Any]
else:
    _Base = Task


class Timed(_Base):
    """A task whose last result is kept for the row of beat that sent it.

    Of several messages for one moment, sent by two beats or delivered twice, one is done. While it
    is done its row shows so. Who gets the message of a run that goes on waits until it has ended,
    and does it should its worker die. A database that is away for a moment is waited for, before
    the work and after it; where it stays away, or the worker is to stop, the message of what was
    not begun goes back to the broker.
    What the body returns is told: a `Told`, or a number that `counts` says in words.
    """

    #: Told in a line: over a full disk, or with a database that is away, nothing is wrong with it.
    throws = (DatabaseFull, DatabaseUnreachable)
    #: What a number that the body returns counts: "{} jobs made".
    counts = "{}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body; raises what it raises."""
        name = getattr(self.request, ROW, None)
        if not isinstance(name, str):
            return self.run(*args, **kwargs)
        db, due = runtime().db, _due_at(self)
        run = Run(name, str(self.name), str(self.request.id), _owner_of(self))
        if not _begin(db, run, due):
            logger.info("%s, due at %s, was done before", name, due)
            return None
        with shown_alive(db, run):
            try:
                made = self.run(*args, **kwargs)
            except Exception as error:
                _end(db, run, Outcome.FAILED, Told(str(error) or type(error).__name__))
                raise
            _end(db, run, Outcome.DONE, self._told(made))
        return made

    def _told(self, made: object) -> Told:
        if isinstance(made, Told):
            return made
        return Told("" if made is None else self.counts.format(made))


def _due_at(task: Timed) -> datetime | None:
    due = getattr(task.request, DUE_AT, None)
    return None if due is None else datetime.fromisoformat(due)


def _owner_of(task: Timed) -> str:
    """Name who does a run: two that got one message differ, also in one worker."""
    node, _, _ = owner_of(task).rpartition("/")
    return f"{node}/{secrets.token_hex(4)}/{task.request.id}"


def _begin(db: Database, run: Run, due_at: datetime | None) -> bool:
    begin, told = partial(schedule_runs.begin, run=run, due_at=due_at, dead=is_dead), False
    try:
        while True:
            beginning = kept(partial(db.write, begin), f"{run.name}: its beginning")
            if beginning is not Beginning.HELD:
                return beginning is Beginning.BEGUN
            if not told:
                logger.info("%s goes on already: its message came twice", run.name)
            told = True
            wait_a_moment()
    except (DatabaseFull, Stopping, *AWAY) as problem:
        logger.warning("%s goes back to the broker: %s", run.name, problem)
        raise Reject(str(problem), requeue=True) from problem


def _end(db: Database, run: Run, outcome: Outcome, told: Told) -> None:
    def finish(session: Session) -> None:
        schedule_runs.finish(session, run, outcome, told.summary, told.facts)

    kept(partial(db.write, finish), f"{run.name}: its end")
