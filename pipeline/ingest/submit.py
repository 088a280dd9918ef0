"""Submit: one whole file becomes one job, whoever finds it first and however often."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, known
from pipeline.history.known import Identity
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.source import settle_duplicate
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
    """

    profile: str
    priority: int
    folder: WatchFolder | None = None

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
    before is dropped again. Raises `ReelworksError` (`source_gone`, `source_changed`,
    `unreadable`, `bad_name`) and `ConfigurationError` (no such profile); nothing is lost then:
    the file stays.
    """
    path = path.absolute()
    _check_name(path)
    ready.settings.profile(wishes.profile)
    identity = _stat(path)
    job_id = known_job(ready, path, identity)
    if job_id is not None:
        return Submitted(job_id, created=False)
    content = _read(path, identity)
    new = _new_job(ready, path, identity, content, wishes)
    with ready.db.begin() as session:
        job, created = jobs.create(session, new)
        known.remember(session, path, identity, job.id)
        again = not created and _dropped_again(session, job, path)
    if created:
        publish(job.id)
    elif again:
        _receive_again(ready, job, path, identity, rerun)
    return Submitted(job.id, created)


def _check_name(path: Path) -> None:
    """Refuse names that are not text: no database, playlist or page could hold them."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as problem:
        raise ReelworksError(
            "bad_name",
            f"The name {os.fsencode(path)!r} is not valid UTF-8.",
            "Rename the file; `convmv` repairs names from old systems.",
        ) from problem


def known_job(ready: Runtime, path: Path, identity: Identity) -> str | None:
    """Find the job of a file for which nothing is to be done, without reading the file.

    None for a file never seen, and for a copy of a source whose job has ended since.
    """
    with ready.db.read() as session:
        job = known.job_of(session, path, identity)
        if job is None or (job.state.terminal and job.source_path != str(path)):
            return None
        return job.id


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
    return jobs.NewJob(
        source_path=str(path),
        source_bytes=identity.bytes,
        source_mtime_ns=identity.mtime_ns,
        fingerprint=content,
        profile=wishes.profile,
        priority=wishes.priority,
        library_subfolder="" if below == Path() else str(below),
        on_success=folder.on_success if folder else "keep",
        on_failure=folder.on_failure if folder else "keep",
        archive_to=str(folder.archive / below) if folder else None,
        quarantine_to=str(folder.quarantine / below) if folder else None,
        deadline=ready.settings.pipeline.limits.deadline,
    )


def _dropped_again(session: Session, job: Job, path: Path) -> bool:
    """Whether this is a second copy of a job's source, and not the source itself seen twice."""
    if job.source_path == str(path) or not job.state.terminal:
        return False
    events.add(session, job.id, "dropped_again", f"the same content was found as {path}")
    return True


def _receive_again(
    ready: Runtime, job: Job, path: Path, identity: Identity, rerun: Callable[[str], object]
) -> None:
    """Treat a second copy of an ended job's source: done work is not done again, failed work is."""
    if job.state is JobState.SUCCEEDED:
        settle_duplicate(job, path)
        with ready.db.begin() as session:
            known.forget(session, path)
        return
    with ready.db.begin() as session:
        jobs.replace_source(session, job.id, str(path), identity.mtime_ns)
    rerun(job.id)
