"""Library: jobs whose results are there, as schedules look at them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from pipeline.history import schedule_runs
from pipeline.history.database import now
from pipeline.models import Job, JobState, OutboxRow, Rendition

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

#: How many jobs a digest names of each kind.
NAMED = 10


def to_reencode(
    session: Session,
    *,
    profiles: Collection[str] = (),
    to: str | None = None,
    older_than: timedelta | None = None,
) -> list[str]:
    """List succeeded jobs, oldest first, that none of the profile `to` was made beside yet.

    Those whose results retention removed are left out: they are not to come back.

    Without `to` all of them: whether their profile has changed is seen by who reads their plan.
    """
    query = select(Job.id).where(
        Job.state == JobState.SUCCEEDED,
        Job.settled_at.is_not(None),
        Job.outputs_removed_at.is_(None),
    )
    if profiles:
        query = query.where(Job.profile.in_(profiles))
    if older_than is not None:
        query = query.where(Job.finished_at < now(session) - older_than)
    if to is not None:
        other = aliased(Job)
        made = exists().where(other.fingerprint == Job.fingerprint, other.profile == to)
        query = query.where(~made)
    return list(session.scalars(query.order_by(Job.finished_at, Job.id)))


def period(session: Session, since: datetime) -> dict[str, Any]:
    """Tell what happened since: counts of ended jobs, what failed, what is damaged, and more."""
    ended = (Job.finished_at >= since) & Job.finished_at.is_not(None)
    counts = {
        state.value: count
        for state, count in session.execute(
            select(Job.state, func.count()).where(ended).group_by(Job.state)
        )
    }
    failed = select(Job.original_path, Job.error_message).where(
        ended, Job.state.in_((JobState.FAILED, JobState.EXPIRED))
    )
    made = select(func.sum(Rendition.bytes)).join(Job, Job.id == Rendition.job_id)
    damaged = select(Job.original_path, Job.damage).where(Job.damage.is_not(None))
    live = (JobState.QUEUED, JobState.RUNNING)
    succeeded = ended & (Job.state == JobState.SUCCEEDED)
    return {
        "ended": counts,
        "failed": _pairs(session, failed.order_by(Job.finished_at.desc()).limit(NAMED)),
        "damaged": _pairs(session, damaged.order_by(Job.checked_at.desc()).limit(NAMED)),
        "schedules": schedule_runs.spoilt(session, NAMED),
        "seconds": float(
            session.scalar(select(func.sum(Job.source_duration_s)).where(succeeded)) or 0.0
        ),
        # Servers give a Decimal.
        "bytes": int(session.scalar(made.where(succeeded)) or 0),
        "waiting": session.scalar(select(func.count(Job.id)).where(Job.state.in_(live))) or 0,
    }


def _pairs(session: Session, query: Any) -> list[tuple[str, str]]:
    return [(name, said or "") for name, said in session.execute(query)]


def last_digest(session: Session, channels: Collection[str]) -> datetime | None:
    """Tell when one of these channels was last owed a digest; None when never."""
    owed = (OutboxRow.event == "digest") & OutboxRow.channel.in_(channels)
    return session.scalar(select(func.max(OutboxRow.created_at)).where(owed))


def digest_owed(session: Session, run: str, *, after: datetime) -> bool:
    """Whether this run of a schedule has owed its digest: it was killed then, and came back."""
    owed = select(OutboxRow).where(OutboxRow.event == "digest", OutboxRow.created_at > after)
    return any((row.message or {}).get("run") == run for row in session.scalars(owed))
