"""A source that changes under its job: the job is held, and begun again on the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from pipeline.history import attempts, events, jobs, steps
from pipeline.history.database import now
from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.history.jobs import NewJob
    from pipeline.history.steps import Claim


def hold(session: Session, claim: Claim, why: str) -> None:
    """Give the steps back, and let the job wait until its source is whole.

    Nothing of it is claimed or published meanwhile; only its deadline ends it. Who lost the steps
    holds nothing: the job has begun again already, perhaps.
    """
    if not steps.release(session, claim):
        return
    job = jobs.get(session, claim.job_id, lock=True)
    if job.state.terminal or job.held_at is not None:
        return
    job.held_at = job.touched_at = now(session)
    events.add(session, job.id, "source_changed", f"{why}: it waits until the file is whole")


def begin_again(session: Session, job: Job, new: NewJob, why: str) -> bool:
    """Begin the job again, on what its source is now; what was made before is of no use.

    The job's row must be locked. Who works on one of its steps finds the lease lost. False, and
    nothing is done, when another job has this content already.
    """
    others = select(Job.id).where(
        Job.fingerprint == new.fingerprint, Job.profile == new.profile, Job.id != job.id
    )
    if session.scalars(others).first() is not None:
        return False
    at = now(session)
    try:
        with session.begin_nested():
            _renew(session, job, new)
    except IntegrityError:
        session.refresh(job)
        return False
    job.state, job.run = JobState.QUEUED, job.run + 1
    job.deadline_at, job.touched_at = at + new.deadline, at
    job.started_at = job.finished_at = job.settled_at = job.published_at = job.held_at = None
    job.settle_owner = jobs.INTERRUPTED if job.settle_owner else None
    job.source_fate = job.settle_until = None
    job.publish_count = 0
    job.error_step = job.error_code = job.error_message = job.error_hint = None
    attempts.cancel(session, job.id)
    jobs.wait_again(job, afresh=True)
    events.add(session, job.id, "restarted", f"{why}: run {job.run} begins", run=job.run)
    return True


def _renew(session: Session, job: Job, new: NewJob) -> None:
    job.fingerprint, job.profile, job.priority = new.fingerprint, new.profile, new.priority
    job.source_bytes, job.source_mtime_ns = new.source_bytes, new.source_mtime_ns
    job.source_inode, job.source_ctime_ns = new.source_inode, new.source_ctime_ns
    jobs.wish_as(job, new)
    session.flush()
