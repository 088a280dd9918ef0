"""Sightings: since when files have been as they are, kept so that a restart forgets nothing."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from pipeline.history.database import now
from pipeline.models import Sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from pipeline.history.known import Identity

#: A file nobody has seen for so long is forgotten: it was submitted, or went away.
FORGOTTEN = timedelta(days=1)


def see(session: Session, seen: Mapping[str, Identity]) -> dict[str, float]:
    """Note what the files (by path) are now; tells since how many seconds each has been so.

    Size and time of the last change decide: network file systems make up their inodes.
    """
    at = now(session)
    keys = {_key(path): path for path in seen}
    rows = session.scalars(select(Sighting).where(Sighting.key.in_(list(keys))))
    former = {row.key: row for row in rows}
    quiet: dict[str, float] = {}
    for key, path in keys.items():
        identity, row = seen[path], former.get(key)
        if row is None:
            row = Sighting(key=key, path=path, bytes=-1, mtime_ns=0, since=at, seen_at=at)
            session.add(row)
        if (row.bytes, row.mtime_ns) != (identity.bytes, identity.mtime_ns):
            row.bytes, row.mtime_ns, row.since = identity.bytes, identity.mtime_ns, at
        row.seen_at = at
        quiet[path] = (at - row.since).total_seconds()
    return quiet


def forget(session: Session, paths: Iterable[str]) -> None:
    """Forget files that were submitted, and those that nobody has seen for a day."""
    keys = [_key(path) for path in paths]
    old = now(session) - FORGOTTEN
    session.execute(delete(Sighting).where(Sighting.key.in_(keys) | (Sighting.seen_at < old)))


def _key(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
