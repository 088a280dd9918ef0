"""Pruning: what of the history, and of what it knows of, may be removed; and removing it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, literal, or_, select, text

from pipeline.history import events
from pipeline.history.database import now
from pipeline.models import Base, Job, JobState, KnownFile, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

#: How many jobs are looked at, and forgotten, at a time: the database is never locked for long.
CHUNK = 500
#: The tables that grow with every job.
_TABLES = ("jobs", "steps", "attempts", "renditions", "events", "outbox", "known_files")
_ROW_BYTES = "SELECT COALESCE(SUM(pg_column_size(t.*)), 0) FROM {} t"
#: What InnoDB keeps of a row besides its columns, and of a number as text, roughly.
_ROW_HEADER_BYTES = 20
_TERMINAL = tuple(state for state in JobState if state.terminal)


def with_outputs(
    session: Session, profiles: Collection[str] = ()
) -> list[tuple[str, datetime, str]]:
    """List ended jobs whose results are in the library: id, when they ended, the output folder."""
    query = select(Job.id, Job.finished_at, Job.output_directory).where(
        Job.state.in_(_TERMINAL),
        Job.output_directory.is_not(None),
        Job.outputs_removed_at.is_(None),
    )
    if profiles:
        query = query.where(Job.profile.in_(profiles))
    return [(job_id, at, folder) for job_id, at, folder in session.execute(query) if at and folder]


def sources_below(session: Session, folder: str) -> set[str]:
    """Name every source, of a job or known as a copy of one, that lies below the folder."""
    found: set[str] = set()
    for column in (Job.source_path, Job.original_path, KnownFile.path):
        below = column.startswith(f"{folder.rstrip('/')}/", autoescape=True)
        found |= set(session.scalars(select(column).where(below)))
    return found


def shared(session: Session, job: Job) -> bool:
    """Whether another job has its results in the same folder."""
    others = (Job.output_directory == job.output_directory) & (Job.id != job.id)
    return bool(session.scalar(select(exists().where(others))))


def outputs_removed(session: Session, job: Job, reason: str) -> None:
    """Record that the job's results were taken out of the library; its row must be locked."""
    job.outputs_removed_at = now(session)
    events.add(session, job.id, "outputs_removed", f"its results were removed: {reason}")


def nth_newest(session: Session, count: int) -> datetime | None:
    """Tell when the last of the newest `count` ended jobs ended; None when there are not more."""
    ended = select(Job.finished_at).where(Job.state.in_(_TERMINAL))
    rows = session.scalars(ended.order_by(Job.finished_at.desc()).offset(count - 1).limit(2)).all()
    return rows[0] if len(rows) > 1 else None


def forgettable(session: Session, before: datetime | None, after: str = "") -> list[Job]:
    """List some ended jobs that nothing is owed to, oldest first by id after `after`.

    Those whose results are still recorded as in the library are among them: whether they are is
    seen on the disk. `before` is when they must have ended; None for any time.
    """
    owed = exists().where(OutboxRow.job_id == Job.id, OutboxRow.closed_at.is_(None))
    query = select(Job).where(
        Job.state.in_(_TERMINAL), Job.settled_at.is_not(None), ~owed, Job.id > after
    )
    if before is not None:
        query = query.where(Job.finished_at < before)
    return list(session.scalars(query.order_by(Job.id).limit(CHUNK)))


def known_paths(session: Session, job_ids: Collection[str]) -> list[tuple[str, str]]:
    """Give the files that are known by these jobs: (job id, path)."""
    query = select(KnownFile.job_id, KnownFile.path).where(KnownFile.job_id.in_(job_ids))
    return [(job_id, path) for job_id, path in session.execute(query)]


def forget(session: Session, job_ids: Collection[str]) -> int:
    """Forget the jobs that still are ended and settled, and all that belongs to them."""
    ended = Job.state.in_(_TERMINAL) & Job.settled_at.is_not(None)
    ids = session.scalars(select(Job.id).where(Job.id.in_(job_ids), ended).with_for_update()).all()
    # What belongs to them goes with them (ON DELETE CASCADE).
    session.execute(
        delete(Job).where(Job.id.in_(ids)), execution_options={"synchronize_session": False}
    )
    return len(ids)


def history_bytes(session: Session) -> int:
    """Count the bytes that the history takes, without those that are free again inside its file."""
    if session.get_bind().dialect.name == "sqlite":
        pages, free, size = (
            int(session.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    if session.get_bind().dialect.name == "mysql":
        return sum(_mysql_bytes(session, name) for name in _TABLES)
    return sum(int(session.execute(text(_ROW_BYTES.format(name))).scalar_one()) for name in _TABLES)


def _mysql_bytes(session: Session, name: str) -> int:
    """Count the bytes in a table's rows: MySQL tells those of its file, which never shrinks."""
    columns = Base.metadata.tables[name].columns
    row = sum(
        (func.coalesce(func.octet_length(one), 0) for one in columns), literal(_ROW_HEADER_BYTES)
    )
    return int(session.scalar(select(func.coalesce(func.sum(row), 0))) or 0)


def ended_count(session: Session, before: datetime | None = None) -> int:
    """Count the jobs that have ended, before a moment if one is given."""
    query = select(func.count()).select_from(Job).where(Job.state.in_(_TERMINAL))
    if before is not None:
        query = query.where(or_(Job.finished_at < before, Job.finished_at.is_(None)))
    return session.execute(query).scalar_one()
