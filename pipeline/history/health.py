"""Health: which results were decoded again, when, and what was found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select

from pipeline.history import events, outbox
from pipeline.history.database import now
from pipeline.models import Job, JobState, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

#: The event that channels hear of.
DAMAGED = "damaged"


def _published() -> ColumnElement[bool]:
    return (
        Job.state.not_in((JobState.QUEUED, JobState.RUNNING))
        & Job.output_directory.is_not(None)
        & Job.outputs_removed_at.is_(None)
    )


def to_check(
    session: Session, recheck: timedelta, limit: int | None, profiles: Collection[str] = ()
) -> list[str]:
    """List the jobs whose results were not decoded for so long, or never, those first."""
    due = or_(Job.checked_at.is_(None), Job.checked_at < now(session) - recheck)
    query = select(Job.id).where(_published(), due)
    if profiles:
        query = query.where(Job.profile.in_(profiles))
    query = query.order_by(Job.checked_at.is_not(None), Job.checked_at, Job.finished_at)
    return list(session.scalars(query.limit(limit)))


def wants_check(job: Job, asked_at: datetime) -> bool:
    """Whether the job's results are there to be checked, and were not since it was asked for."""
    there = job.output_directory is not None and job.outputs_removed_at is None
    # While it is run again, others may take their place.
    return there and job.state.terminal and (job.checked_at is None or job.checked_at < asked_at)


def record(
    session: Session,
    job: Job,
    problems: Iterable[str],
    channels: Iterable[str],
    decoded: int,
    encrypted: int = 0,
) -> bool:
    """Keep what was found; the job's row must be locked. True when its results are damaged.

    `encrypted` streams were not decoded, which the job's log then tells.

    Channels hear once of each damage: again only when the results were whole in between, or were
    made again.
    """
    job.checked_at, job.damage = now(session), "\n".join(problems) or None
    if job.damage is None:
        told = (OutboxRow.job_id == job.id) & (OutboxRow.event == DAMAGED)
        session.execute(delete(OutboxRow).where(told))
        rest = f", {encrypted} encrypted ones not decoded, but there" if encrypted else ""
        events.add(session, job.id, "checked", f"its results are whole: {decoded} decoded{rest}")
        return False
    events.add(session, job.id, DAMAGED, f"its results are damaged: {job.damage}")
    outbox.owe(session, job, DAMAGED, channels)
    return True


def summary(session: Session) -> dict[str, int]:
    """Count results in the library: all, those that were ever decoded again, the damaged ones."""
    counted = select(func.count(), func.count(Job.checked_at), func.count(Job.damage)).where(
        _published()
    )
    total, checked, damaged = session.execute(counted).one()
    return {"results": total, "checked": checked, "damaged": damaged}
