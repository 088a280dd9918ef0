"""Leaving: a source that is moved, still at its former place or renamed there by others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.history import settling
from pipeline.ingest import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.known import Identity
    from pipeline.ingest.source import Put
    from pipeline.models import Job


def is_leaving(job: Job, path: Path, identity: Identity) -> bool:
    """Whether this is the source of the job at its former place, not yet taken away from there.

    It is no longer when the place that it was moved to does not have it.
    """
    if job.settled_at is not None:
        return False
    try:
        return settling.leaving(job) == (path, identity) and _moved(job).holds(identity)
    except OSError:
        return True  # whether it has can't be told now


def take_former(job: Job, marker: Callable[[Path], str | None]) -> bool:
    """Take a moved source away from its former place, if that is owed. Raises `OSError`.

    False when it was owed, and is not there: others took it away, or renamed it.
    """
    owed = settling.leaving(job)
    if owed is None or not _moved(job).holds(owed[1]):
        return True
    path, identity = owed
    return source.take(path, identity, marker(path))


def is_renamed(job: Job, path: Path, identity: Identity) -> bool:
    """Whether this is the source of an ended job, renamed by others as it was moved to its folder.

    Somebody was killed at that, or is still at it. One that was taken out of that folder again is
    dropped anew.
    """
    owed = settling.leaving(job)
    if owed is not None:
        return owed[1] == identity and owed[0] != path and _has_moved(job, identity)
    begun = job.settled_at is None and job.settle_owner is not None
    return begun and source.as_submitted(job) == identity and not os.path.lexists(job.source_path)


def same(job: Job, path: Path, folder: Path) -> Put | None:
    """Find the file in the folder where it is the job's own source, by another name; None if not.

    So it is when somebody renamed the source as it was moved there. Raises `OSError`.
    """
    there = Path(job.source_path)
    if there.parent != folder or not os.path.lexists(there) or not there.samefile(path):
        return None
    return source.Put(there, before=True)


def renamed(job: Job, identity: Identity, folder: Path) -> Put | None:
    """Find the copy in the folder that somebody made of the job's source, now renamed; or None.

    Raises `OSError`.
    """
    owed, made = settling.leaving(job), _moved(job)
    if owed is None or owed[1] != identity or made.path.parent != folder:
        return None
    return made if made.holds(identity) else None


def _has_moved(job: Job, identity: Identity) -> bool:
    try:
        return _moved(job).holds(identity)
    except OSError:
        return False  # that can't be told now


def _moved(job: Job) -> Put:
    return source.Put(Path(job.source_path), before=True)
