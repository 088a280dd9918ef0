"""Lacking: jobs whose encodes need a tag, while no worker that is there has it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select

from pipeline.history import events, outbox
from pipeline.history.database import now
from pipeline.models import ENCODING, Job, JobState, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy.orm import Session

#: How long a job has waited before it is said that its worker is not there: a worker that is
#: started anew takes less.
PATIENCE = timedelta(seconds=60)
#: What channels hear of.
EVENT = "waiting"
_LIVE = Job.state.in_((JobState.QUEUED, JobState.RUNNING))


def changed(session: Session, there: Collection[str]) -> list[str]:
    """List the jobs that have begun to lack a worker, and those that no longer do.

    `there` are the tags of the workers that are there.
    """
    at = now(session)
    mine = Step.job_id == Job.id
    runs = exists().where(mine, Step.state == StepState.RUNNING)
    waits = exists().where(mine, Step.kind.in_(ENCODING), Step.state == StepState.WAITING)
    lacking = (
        # Where no tag is there, "in none of them" would be true of jobs that need none, too.
        Job.tag.is_not(None)
        & Job.tag.not_in(list(there))
        & Job.lacking_since.is_(None)
        & Job.waits_until.is_(None)
        & Job.held_at.is_(None)
        & (Job.touched_at <= at - PATIENCE)
        & ~runs
        & waits
    )
    found = Job.tag.in_(list(there)) & Job.lacking_since.is_not(None)
    return list(session.scalars(select(Job.id).where(_LIVE, lacking | found)))


def note(session: Session, job: Job, there: Collection[str], channels: Iterable[str]) -> None:
    """Record whether the job lacks a worker; its row must be locked.

    Channels hear of it once a run, however often that happens.
    """
    if job.state.terminal or job.tag is None or (job.tag in there) == (job.lacking_since is None):
        return
    if job.tag in there:
        job.lacking_since = None
        events.add(session, job.id, "goes_on", f"goes on: a worker with the tag {job.tag} is there")
        return
    job.lacking_since = now(session)
    message = f"waits for a worker with the tag {job.tag}: none is there"
    events.add(session, job.id, "waits", message, tag=job.tag)
    outbox.owe(session, job, EVENT, channels)


def by_tag(session: Session) -> dict[str, int]:
    """Count the jobs that lack a worker, by the tag it must have."""
    query = select(Job.tag, func.count()).where(_LIVE, Job.lacking_since.is_not(None))
    return {str(tag): count for tag, count in session.execute(query.group_by(Job.tag))}
