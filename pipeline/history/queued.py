"""Queued: which jobs only wait in a queue, read in one look however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import case, distinct, func, select

from pipeline.models import Job, JobState, Step, StepKind, StepState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Queued:
    """A job whose canvas was published, and of which no step runs, failed or is tried again.

    `kind` is that of its next step, `messages` how many tasks of that kind wait with it. `tag` is
    what the worker of its encodes must have.
    """

    job_id: str
    kind: StepKind
    messages: int
    touched_at: datetime
    tag: str | None = None


def queued(session: Session, at: datetime, limit: int) -> list[Queued]:
    """List the jobs that only wait at the moment `at`; `limit` is how often a step may be tried."""
    kinds = list(StepKind)
    others = func.sum(case((Step.state == StepState.WAITING, 0), else_=1))
    # In the order of the journey: a poster comes before the ranges, which have its position.
    place = func.min(case({kind: number for number, kind in enumerate(kinds)}, value=Step.kind))
    rows = session.execute(
        select(Job.id, place, func.count(distinct(Step.unit)), Job.touched_at, Job.tag)
        .join(Step)
        .where(
            Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
            Job.published_at.is_not(None),
            # What waits for its hours, or for its source to be whole, has no message.
            Job.waits_until.is_(None),
            Job.held_at.is_(None),
            Job.deadline_at > at,
            Step.state != StepState.DONE,
        )
        .group_by(Job.id, Job.touched_at, Job.tag)
        .having(others == 0, func.max(Step.tries) < limit, func.count(Step.retry_at) == 0)
    )
    return [
        Queued(job_id, kinds[position], max(units, 1), touched_at, tag)
        for job_id, position, units, touched_at, tag in rows
    ]
