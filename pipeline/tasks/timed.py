"""Timed: what every task that runs by the clock does around its work: once, and with its result."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from celery import Task

from pipeline.app import runtime
from pipeline.history import schedule_runs
from pipeline.history.schedule_runs import Outcome

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

    Of several messages for one moment, sent by two beats or delivered twice, one is done.
    What the body returns is told: a `Told`, or a number that `counts` says in words.
    """

    #: What a number that the body returns counts: "{} jobs made".
    counts = "{}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body; raises what it raises."""
        name = getattr(self.request, ROW, None)
        if not isinstance(name, str):
            return self.run(*args, **kwargs)
        db, task_id = runtime().db, str(self.request.id)
        due = getattr(self.request, DUE_AT, None)
        due_at = None if due is None else datetime.fromisoformat(due)
        with db.begin() as session:
            if not schedule_runs.begin(
                session, name, task=str(self.name), task_id=task_id, due_at=due_at
            ):
                logger.info("%s, due at %s, was done before", name, due)
                return None
        try:
            made = self.run(*args, **kwargs)
        except Exception as error:
            with db.begin() as session:
                said = str(error) or type(error).__name__
                schedule_runs.finish(session, name, task_id, Outcome.FAILED, said, {})
            raise
        told = self._told(made)
        with db.begin() as session:
            schedule_runs.finish(session, name, task_id, Outcome.DONE, told.summary, told.facts)
        return made

    def _told(self, made: object) -> Told:
        if isinstance(made, Told):
            return made
        return Told("" if made is None else self.counts.format(made))
