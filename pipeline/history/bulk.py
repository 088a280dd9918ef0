"""Many new jobs at once: the rows that `jobs.create` makes, in a few statements for hundreds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from pipeline.history.database import now
from pipeline.history.jobs import FIRST_STEPS, columns
from pipeline.models import Event, Job, JobState, KnownFile, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from pipeline.history.jobs import NewJob


def taken(session: Session, contents: Sequence[str], profile: str) -> set[str]:
    """Tell which of the contents have a job of the profile already."""
    rows = select(Job.fingerprint).where(Job.fingerprint.in_(contents), Job.profile == profile)
    return set(session.scalars(rows))


def create_all(session: Session, new: Sequence[NewJob], keys: Sequence[str]) -> list[str] | None:
    """Insert the jobs and remember their files under the keys; returns the ids, in order.

    All or none: None, when somebody else was faster with one of them.
    """
    at = now(session)
    rows = [
        {**columns(one, at), "state": JobState.QUEUED, "run": 1, "publish_count": 0} for one in new
    ]
    ids = [str(row["id"]) for row in rows]
    first = [(kind, kind.value, kind.position) for kind in FIRST_STEPS]
    steps = [
        {
            "job_id": job_id,
            "name": name,
            "kind": kind,
            "position": position,
            "state": StepState.WAITING,
            "progress": 0.0,
            "attempt": 0,
            "tries": 0,
        }
        for job_id in ids
        for kind, name, position in first
    ]
    said = [
        {
            "job_id": job_id,
            "at": at,
            "kind": "found",
            "message": f"found {one.source_path}",
            "data": {"bytes": one.source_bytes},
        }
        for job_id, one in zip(ids, new, strict=True)
    ]
    files = [
        {
            "key": key,
            "path": one.source_path,
            "bytes": one.source_bytes,
            "mtime_ns": one.source_mtime_ns,
            "inode": one.source_inode,
            "sidecar": "",
            "job_id": job_id,
            "seen_at": at,
        }
        for job_id, one, key in zip(ids, new, keys, strict=True)
    ]
    try:
        with session.begin_nested():
            session.connection().execute(insert(Job), rows)
            session.connection().execute(insert(Step), steps)
            session.connection().execute(insert(Event), said)
            session.connection().execute(insert(KnownFile), files)
    except IntegrityError:
        return None
    return ids
