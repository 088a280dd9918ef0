"""Submit: one whole file becomes one job, whoever finds it first and however often."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, known
from pipeline.history.known import Identity
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.located import located
from pipeline.ingest.results import results_gone
from pipeline.ingest.source import Rules, settle_copy
from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submitted:
    """What became of a file: the job it belongs to, and whether this call made it."""

    job_id: str
    created: bool


@dataclass(frozen=True)
class Wishes:
    """What is to be done with a file: the profile, how urgent (0 to 9), and its folder's rules.

    `folder` is None for a file that lies outside every watched folder: it is kept where it is.
    `by_hand` says that somebody named the file: results of it that were removed are made again,
    though the file itself was submitted before.
    """

    profile: str
    priority: int
    folder: WatchFolder | None = None
    by_hand: bool = False

    @classmethod
    def of(cls, folder: WatchFolder) -> Wishes:
        """Take what the watched folder's entry says."""
        return cls(folder.profile, folder.priority, folder)


def submit(
    ready: Runtime,
    path: Path,
    wishes: Wishes,
    *,
    publish: Callable[[str], object],
    rerun: Callable[[str], object],
) -> Submitted:
    """Make the job of a whole file, or find the one that it has already.

    `publish` puts a new job on the broker; `rerun` retries an ended one, when a file that failed
    before, or whose results were removed since, is dropped again. Raises `ReelworksError`
    (`source_gone`, `source_changed`, `unreadable`, `bad_name`, `outside`) and
    `ConfigurationError` (no such profile); nothing is lost then: the file stays.
    """
    path = located(path, wishes.folder)
    ready.settings.profile(wishes.profile)
    identity = _stat(path)
    with ready.db.read() as session:
        job = known.job_of(session, path, identity, wishes.profile)
    library = ready.settings.pipeline.paths.library
    if job is not None and not (wishes.by_hand and results_gone(job, library)):
        if _copy_is_due(job, path, wishes):
            _settle_copy(ready, job, path, identity, wishes)
        return Submitted(job.id, created=False)
    content = _read(path, identity)
    new = _new_job(ready, path, identity, content, wishes)
    with ready.db.begin() as session:
        job, created = jobs.create(session, new)
        known.remember(session, path, identity, job)
        again = not created and _take_again(session, job, path, identity, library)
    if created:
        publish(job.id)
    elif again:
        rerun(job.id)
    elif _copy_is_due(job, path, wishes):
        _settle_copy(ready, job, path, identity, wishes)
    return Submitted(job.id, created)


def nothing_to_do(ready: Runtime, path: Path, wishes: Wishes) -> bool:
    """Whether the file was submitted before and nothing is owed to it, without reading it.

    Raises `OSError` when the file can't be looked at.
    """
    identity = Identity.of(path.stat())
    with ready.db.read() as session:
        job = known.job_of(session, path, identity, wishes.profile)
    return job is not None and not _copy_is_due(job, path, wishes)


def _stat(path: Path) -> Identity:
    try:
        return Identity.of(path.stat())
    except OSError as problem:
        raise ReelworksError(
            "source_gone", f"{path} is gone or can't be read: {problem.strerror}."
        ) from problem


def _read(path: Path, identity: Identity) -> str:
    try:
        content = fingerprint(path)
    except OSError as problem:
        raise ReelworksError(
            "unreadable",
            f"{path} can't be read: {problem.strerror}.",
            "Give the user that runs Reelworks the right to read it.",
        ) from problem
    if _stat(path) != identity:
        raise ReelworksError(
            "source_changed",
            f"{path} changed while it was read.",
            "It is looked at again once it stays as it is.",
        )
    return content


def _new_job(
    ready: Runtime, path: Path, identity: Identity, content: str, wishes: Wishes
) -> jobs.NewJob:
    folder = wishes.folder
    below = path.parent.relative_to(folder.path) if folder else Path()
    rules = Rules.at(folder, path)
    return jobs.NewJob(
        source_path=str(path),
        source_bytes=identity.bytes,
        source_mtime_ns=identity.mtime_ns,
        source_inode=identity.inode,
        fingerprint=content,
        profile=wishes.profile,
        priority=wishes.priority,
        library_subfolder="" if below == Path() else str(below),
        on_success=rules.on_success,
        on_failure=rules.on_failure,
        archive_to=rules.archive_to,
        quarantine_to=rules.quarantine_to,
        deadline=ready.settings.pipeline.limits.deadline,
    )


def _take_again(session: Session, job: Job, path: Path, identity: Identity, library: Path) -> bool:
    """Whether this file, never seen here before, is dropped again to be worked on again.

    That is so for work that failed, and for work whose results were removed. Once for each drop:
    from now on the file is known. Work that was cancelled is tried again only when somebody says
    `retry`.
    """
    job = jobs.get(session, job.id, lock=True)
    gone = results_gone(job, library)
    if job.source_path == str(path) and not gone:
        return False
    if not job.state.terminal:
        message = f"the same content was found as {path}: one job serves both"
        events.add(session, job.id, "found_again", message)
        return False
    if gone:
        message = f"the results were removed, and the same content was found as {path}"
        events.add(session, job.id, "results_gone", message)
    else:
        events.add(session, job.id, "dropped_again", f"the same content was found as {path}")
    if not gone and job.state not in (JobState.FAILED, JobState.EXPIRED):
        return False
    jobs.replace_source(session, job.id, str(path), identity.mtime_ns, identity.inode)
    return True


def _copy_is_due(job: Job, path: Path, wishes: Wishes) -> bool:
    """Whether a copy of an ended job's source is still to go where its own folder says.

    Where a source was that has been deleted since, another file of its content is a copy too.
    """
    rules = Rules.at(wishes.folder, path)
    deleted = job.settled_at is not None and rules.deletes(job.state)
    if not job.state.terminal or (job.source_path == str(path) and not deleted):
        return False
    return rules.deletes(job.state) or rules.folder(job.state) is not None


def _settle_copy(ready: Runtime, job: Job, path: Path, identity: Identity, wishes: Wishes) -> None:
    try:
        became = settle_copy(job, path, identity, Rules.at(wishes.folder, path))
    except OSError as problem:
        logger.warning("%s, a copy of job %s's source, stays: %s", path, job.id, problem)
        return
    if became is not None:
        with ready.db.begin() as session:
            known.forget(session, path, job.profile)
            events.add(session, job.id, "copy_settled", f"the copy {path} was {became}")
