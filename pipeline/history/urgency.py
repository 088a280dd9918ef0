"""Urgency: whether something more urgent waits for the same kind of worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import aliased

from pipeline.history.database import now
from pipeline.models import ENCODING, Job, JobState, Step, StepKind, StepState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def more_urgent_since(
    session: Session, job_id: str, kind: StepKind, since: datetime | None
) -> datetime | None:
    """Tell the time when a step of this kind of a more urgent job has come to wait since.

    `since` is when that was told last (None: never): what waited then stands in front by now.
    None when there is none. A step waits when those before it are done and nobody holds it.
    """
    mine = select(Job.priority).where(Job.id == job_id).scalar_subquery()
    kinds = ENCODING if kind in ENCODING else frozenset({kind})
    journey = list(StepKind)
    earlier, lower = aliased(Step), aliased(Step)
    first = min(map(journey.index, kinds))
    before = (earlier.job_id == Job.id) & earlier.kind.in_(journey[:first])
    free = (Step.state == StepState.WAITING) & Step.retry_at.is_(None)
    due = ~exists().where(
        lower.job_id == Step.job_id, lower.position < Step.position, lower.state != StepState.DONE
    )
    waits = exists().where(Step.job_id == Job.id, Step.kind.in_(kinds), free, due)
    query = select(Job.id).where(
        Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
        Job.priority > mine,
        Job.published_at.is_not(None),
        Job.waits_until.is_(None),
        waits,
        ~exists().where(before, earlier.state != StepState.DONE),
    )
    if since is not None:
        last_done = (
            select(func.max(earlier.finished_at)).where(before).correlate(Job).scalar_subquery()
        )
        query = query.where(or_(Job.published_at > since, last_done > since))
    return now(session) if session.scalars(query.limit(1)).first() else None
