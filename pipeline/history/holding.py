"""Holding: a job whose heavy work waits for its hours, and whose deadline waits with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select

from pipeline.history import events
from pipeline.history.database import now
from pipeline.models import Job, JobState, Step, StepState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def hold(session: Session, job: Job, until: datetime) -> None:
    """Let the job wait until then; its row must be locked. Held again, it waits only once.

    Its deadline is put off by as long as it waits: that time is not the job's.
    """
    if job.waits_until == until:
        return
    if job.waits_until is None:
        message = f"waits for the hours of heavy work, until {until:%Y-%m-%d %H:%M} UTC"
        events.add(session, job.id, "waits", message, until=until.isoformat())
    job.deadline_at += until - (job.waits_until or now(session))
    job.waits_until = until


def release(session: Session, job: Job) -> None:
    """Let the job go on; its row must be locked. What it did not wait of its time is taken back."""
    if job.waits_until is None:
        return
    left = job.waits_until - now(session)
    job.deadline_at -= max(left, timedelta(0))
    job.waits_until = None
    why = "were changed" if left > timedelta(0) else "have begun"
    events.add(session, job.id, "goes_on", f"goes on: the hours of heavy work {why}")


def resting(session: Session, at: datetime) -> list[tuple[str, str, int]]:
    """List the held jobs of which nothing else is to be seen to: id, profile and priority.

    None of their steps runs, has failed or is tried again, and neither their deadline nor the
    moment they wait for has passed.
    """
    busy = exists().where(
        Step.job_id == Job.id,
        Step.state.in_((StepState.RUNNING, StepState.FAILED)) | Step.retry_at.is_not(None),
    )
    query = select(Job.id, Job.profile, Job.priority).where(
        Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
        Job.waits_until > at,
        Job.published_at.is_not(None),
        Job.deadline_at > at,
        ~busy,
    )
    return [(job_id, profile, priority) for job_id, profile, priority in session.execute(query)]


def held(session: Session) -> tuple[int, datetime | None]:
    """Count the jobs that wait for their hours, and tell when the first of them goes on."""
    waiting = Job.state.in_((JobState.QUEUED, JobState.RUNNING)) & Job.waits_until.is_not(None)
    query = select(func.count(), func.min(Job.waits_until)).where(waiting)
    count, first = session.execute(query).one()
    return count, first
