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


def remember(session: Session, path: Path, identity: Identity, job_id: str) -> None:
    """Keep that this very file belongs to the job; a former file at the path is forgotten."""
    session.merge(
        KnownFile(
            key=_key(path),
            path=str(path),
            bytes=identity.bytes,
            mtime_ns=identity.mtime_ns,
            inode=identity.inode,
            job_id=job_id,
            seen_at=now(session),
        )
    )


def job_of(session: Session, path: Path, identity: Identity) -> Job | None:
    """Find the job this very file (place, size, time and inode) was submitted to, if any."""
    return session.scalars(
        select(Job)
        .join(KnownFile, KnownFile.job_id == Job.id)
        .where(
            KnownFile.key == _key(path),
            KnownFile.bytes == identity.bytes,
            KnownFile.mtime_ns == identity.mtime_ns,
            KnownFile.inode == identity.inode,
        )
    ).one_or_none()


def forget(session: Session, path: Path) -> None:
    """Forget the file at this place: it is no longer there."""
    row = session.get(KnownFile, _key(path))
    if row is not None:
        session.delete(row)


def _key(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()
