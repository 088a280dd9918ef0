"""Further copies of an ended job's source: each goes where its own folder says."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Protocol

from pipeline.history import jobs, known, settling
from pipeline.ingest import leaving, source
from pipeline.ingest.rules import Rules
from pipeline.ingest.source import NotTheSource

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.known import Identity
    from pipeline.ingest.source import Put
    from pipeline.models import Job, JobState
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)


class _Standing(Protocol):
    """What of a job tells whether its copies are to be moved."""

    @property
    def state(self) -> JobState: ...
    @property
    def source_path(self) -> str: ...
    @property
    def settled_at(self) -> datetime | None: ...


def copy_is_due(job: _Standing, path: Path, folder: WatchFolder | None) -> bool:
    """Whether a copy of an ended job's source is still to go where its own folder says.

    Where a source was that has been deleted since, another file of its content is a copy too.
    """
    if not job.state.terminal:
        return False
    rules = Rules.at(folder, path)
    deleted = job.settled_at is not None and rules.deletes(job.state)
    if job.source_path == str(path) and not deleted:
        return False
    return rules.deletes(job.state) or rules.folder(job.state) is not None


def settle_copy(
    ready: Runtime, job: Job, path: Path, identity: Identity, folder: WatchFolder | None
) -> None:
    """Put a copy of the job's source where its folder says, unless another job works on it.

    The source itself, at its former place, is left to whoever settles it.
    """
    if leaving.is_leaving(job, path, identity):
        return
    if job.settled_at is None and not os.path.lexists(job.source_path):
        return  # it may be the source by a new name: whoever settles that finds out
    with ready.db.read() as session:
        if settling.has_another(session, path, job):
            return
    try:
        _settle(ready, job, path, identity, folder)
    except (NotTheSource, FileNotFoundError):
        return  # it changed meanwhile, or is gone: it is looked at anew
    except OSError as problem:
        logger.warning("%s, a copy of job %s's source, stays: %s", path, job.id, problem)


def _settle(
    ready: Runtime, job: Job, path: Path, identity: Identity, folder: WatchFolder | None
) -> None:
    rules = Rules.at(folder, path)
    going = _Leaving(job, path, identity, folder.marker if folder else None)
    target = rules.folder(job.state)
    if rules.deletes(job.state):
        ready.db.write(going.end)
    elif target is not None and not source.lies_in(path, target):
        there = leaving.same(job, path, target) or leaving.renamed(job, identity, target)
        going.made = there or source.put(path, identity, target, on_chunk=lambda: None)
        try:
            source.arrive(job, path, identity, going.made)
            ready.db.write(going.end)
        except BaseException:
            ready.db.write(going.undo)
            raise


class _Leaving:
    """A copy that is to be taken from its place; what was `made` of it elsewhere takes over.

    Several may be at that, a watcher and a scan: so it is ended, and undone, with the job's row
    locked. Done again over a deadlock it does what is left to do.
    """

    def __init__(self, job: Job, path: Path, identity: Identity, marker: str | None) -> None:
        self._job, self._path, self._identity = job, path, identity
        self._marker = marker
        self._taken = False
        self.made: Put | None = None

    def end(self, session: Session) -> None:
        """Take the copy away, if it is the same still; else what was made of it, too."""
        jobs.get(session, self._job.id, lock=True)
        there = self.made is None or self.made.holds(self._identity)
        if there and not self._taken:
            self._taken = source.take(self._path, self._identity, self._marker)
        if not self._taken:
            return self._undo(session)
        became = "deleted" if self.made is None else f"moved to {self.made.path}"
        return settling.copy_settled(session, self._path, self._job, became)

    def undo(self, session: Session) -> None:
        """Remove what was made of the copy, unless somebody else went on with that."""
        jobs.get(session, self._job.id, lock=True)
        self._undo(session)

    def _undo(self, session: Session) -> None:
        # Who has taken the copy away has forgotten it, if the database let him.
        if self._taken or self.made is None or not os.path.lexists(self._path):
            return
        if known.knows(session, self._path, self._job, self._identity):
            source.undo(self.made)
