"""Files that were submitted before, so that finding one again costs a stat and not a reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.history.database import changed, now
from pipeline.models import Job, JobState, KnownFile

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

#: Stands in a job's fingerprint between content and what tells one file of it from another, where
#: copies are jobs of their own (`duplicates: process`).
APART = "+"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one version of a file from another without reading it (bytes, ns, inode).

    Beside it, when it was last changed in any way (ctime, ns), which a new name or right does, too.
    """

    bytes: int
    mtime_ns: int
    inode: int
    ctime_ns: int | None = field(default=None, compare=False)

    @classmethod
    def of(cls, stat: os.stat_result) -> Identity:
        """Take the identity from a stat."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)


class KnownOne(NamedTuple):
    """A file as it was submitted, and where its job stands."""

    key: str
    path: str
    bytes: int
    mtime_ns: int
    inode: int
    sidecar: str
    job_id: str
    state: JobState
    source_path: str
    settled_at: datetime | None
    held_at: datetime | None

    @property
    def is_waited_for(self) -> bool:
        """Whether its job waits for it to be whole."""
        mine = self.path == self.source_path
        return mine and self.held_at is not None and not self.state.terminal

    def is_of(self, identity: Identity, sidecar: str) -> bool:
        """Whether it is this very version of the file, with this version of its sidecar."""
        same = (self.bytes, self.mtime_ns, self.inode, self.sidecar)
        return same == (identity.bytes, identity.mtime_ns, identity.inode, sidecar)


def remember(
    session: Session, path: Path, profile: str, identity: Identity, job: Job, sidecar: str = ""
) -> None:
    """Keep that this very file, found for `profile`, belongs to the job.

    A former file at the path is forgotten. Of two who find the file at once, the later is believed.
    """
    values = {
        "path": str(path),
        "bytes": identity.bytes,
        "mtime_ns": identity.mtime_ns,
        "inode": identity.inode,
        "sidecar": sidecar,
        "job_id": job.id,
        "seen_at": now(session),
    }
    key = key_of(str(path), profile)
    theirs = update(KnownFile).where(KnownFile.key == key).values(**values)
    if changed(session, theirs):
        return
    try:
        with session.begin_nested():
            session.execute(insert(KnownFile).values(key=key, **values))
    except IntegrityError:
        changed(session, theirs)


def job_of(
    session: Session, path: Path, identity: Identity, profile: str, sidecar: str = ""
) -> Job | None:
    """Find the job that this very file (place, size, time, inode, sidecar) became for `profile`."""
    row = session.get(KnownFile, key_of(str(path), profile))
    if row is None:
        return None
    same = (row.bytes, row.mtime_ns, row.inode, row.sidecar)
    if same != (identity.bytes, identity.mtime_ns, identity.inode, sidecar):
        return None
    return session.get(Job, row.job_id)


def former(session: Session, path: Path, profile: str) -> tuple[Job, Identity] | None:
    """Find the job of the file that was at this place before, and what that file was."""
    row = session.get(KnownFile, key_of(str(path), profile))
    job = None if row is None else session.get(Job, row.job_id)
    if row is None or job is None:
        return None
    return job, Identity(row.bytes, row.mtime_ns, row.inode)


def look_up(session: Session, keys: Sequence[str]) -> dict[str, KnownOne]:
    """Find what is known under the keys; one question, however many they are."""
    rows = session.execute(
        select(
            KnownFile.key,
            KnownFile.path,
            KnownFile.bytes,
            KnownFile.mtime_ns,
            KnownFile.inode,
            KnownFile.sidecar,
            Job.id,
            Job.state,
            Job.source_path,
            Job.settled_at,
            Job.held_at,
        )
        .join(Job, Job.id == KnownFile.job_id)
        .where(KnownFile.key.in_(keys))
    )
    return {row[0]: KnownOne(*row) for row in rows}


def places(session: Session, job_id: str) -> list[str]:
    """List where files of the job's source were found: the source itself, and copies of it."""
    query = select(KnownFile.path).where(KnownFile.job_id == job_id).distinct()
    return list(session.scalars(query.order_by(KnownFile.path)))


def forget(session: Session, path: Path, job: Job) -> None:
    """Forget the job's file at this place: it is no longer there, or no longer what it was."""
    session.execute(
        delete(KnownFile).where(KnownFile.job_id == job.id, KnownFile.path == str(path))
    )


def forget_as(session: Session, path: Path, job: Job, identity: Identity) -> bool:
    """Forget the job's file where it is known as just this; True when it was.

    For one that was written anew and can't be told from what it was: it is found as a new one then.
    """
    found = session.scalars(_known_as(path, job, identity)).all()
    for row in found:
        session.delete(row)
    return bool(found)


def knows(session: Session, path: Path, job: Job, identity: Identity) -> bool:
    """Whether the job's file at this place is known as just this."""
    return session.scalars(_known_as(path, job, identity)).first() is not None


def _known_as(path: Path, job: Job, identity: Identity) -> Select[KnownFile]:
    return select(KnownFile).where(
        KnownFile.job_id == job.id,
        KnownFile.path == str(path),
        KnownFile.bytes == identity.bytes,
        KnownFile.mtime_ns == identity.mtime_ns,
        KnownFile.inode == identity.inode,
    )


def key_of(path: str, profile: str) -> str:
    """Name a file found for a profile, in the table: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(f"{path}\0{profile}".encode("utf-8", "surrogateescape")).hexdigest()
