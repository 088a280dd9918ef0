"""Files that were submitted before, so that finding one again costs a stat and not a reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.history.database import now
from pipeline.models import Job, KnownFile

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Identity:
    """What tells one version of a file from another without reading it (bytes, ns, inode)."""

    bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Identity:
        """Take the identity from a stat."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ino)


def remember(session: Session, path: Path, identity: Identity, job: Job) -> None:
    """Keep that this very file belongs to the job; a former file at the path is forgotten."""
    session.merge(
        KnownFile(
            key=_key(path, job.profile),
            path=str(path),
            bytes=identity.bytes,
            mtime_ns=identity.mtime_ns,
            inode=identity.inode,
            job_id=job.id,
            seen_at=now(session),
        )
    )


def job_of(session: Session, path: Path, identity: Identity, profile: str) -> Job | None:
    """Find the job of `profile` this very file (place, size, time, inode) was submitted to."""
    return session.scalars(
        select(Job)
        .join(KnownFile, KnownFile.job_id == Job.id)
        .where(
            KnownFile.key == _key(path, profile),
            KnownFile.bytes == identity.bytes,
            KnownFile.mtime_ns == identity.mtime_ns,
            KnownFile.inode == identity.inode,
        )
    ).one_or_none()


def forget(session: Session, path: Path, profile: str) -> None:
    """Forget the file at this place: it is no longer there, or no longer what it was."""
    row = session.get(KnownFile, _key(path, profile))
    if row is not None:
        session.delete(row)


def _key(path: Path, profile: str) -> str:
    return hashlib.sha256(f"{path}\0{profile}".encode()).hexdigest()
