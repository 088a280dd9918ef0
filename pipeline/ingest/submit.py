"""Submit: one whole file becomes one job, whoever finds it first and however often."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.errors import ReelworksError
from pipeline.history import again, events, jobs, known
from pipeline.history.known import Identity
from pipeline.ingest.copies import copy_is_due, settle_copy
from pipeline.ingest.fingerprint import content_of, fingerprint, fingerprints, set_apart
from pipeline.ingest.leaving import is_renamed
from pipeline.ingest.located import located
from pipeline.ingest.results import results_gone
from pipeline.ingest.rules import Rules, below_folder
from pipeline.ingest.sidecar import NOTHING, Sidecar, read_sidecar, stamp
from pipeline.ingest.source import as_submitted
from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: How a job fails whose sidecar is wrong.
BAD_SIDECAR = "bad_sidecar"


@dataclass(frozen=True)
class Submitted:
    """What became of a file: the job it belongs to, and whether this call made it.

    `restarted` says that the job had begun on what the file was before, and begins again.
    """

    job_id: str
    created: bool
    restarted: bool = False


@dataclass(frozen=True)
class Wishes:
    """What is to be done with a file: the profile, how urgent (0 to 9), and its folder's rules.

    `folder` is None for a file that lies outside every watched folder: it is kept where it is.
    `by_hand` says that somebody named the file: results of it that were removed are made again,
    though the file itself was submitted before. `named` lists what somebody named for it, which
    its sidecar then does not change; without `sidecar` none is read.
    """

    profile: str
    priority: int
    folder: WatchFolder | None = None
    by_hand: bool = False
    named: frozenset[str] = frozenset()
    title: str | None = None
    language: str | None = None
    tags: dict[str, str] | None = None
    needs: str | None = None
    sidecar: bool = True

    @classmethod
    def of(cls, folder: WatchFolder) -> Wishes:
        """Take what the watched folder's entry says."""
        return cls(folder.profile, folder.priority, folder, needs=folder.needs)

    def refined(self, said: Sidecar) -> Self:
        """Add what the file's sidecar says, which comes before what its folder says."""
        profile = said.profile if said.profile and "profile" not in self.named else self.profile
        urgent = self.priority if said.priority is None else said.priority
        return replace(
            self,
            profile=profile,
            priority=self.priority if "priority" in self.named else urgent,
            title=said.title,
            language=said.language,
            tags=said.metadata or None,
            needs=said.needs or self.needs,
        )


@dataclass(frozen=True)
class Actions:
    """What submitting asks of others: each is given a job's id.

    `publish` puts a job on the broker; `rerun` opens an ended one again, when a file that failed
    before, or whose results were removed since, is dropped again, in the transaction that notes
    that; where it did, it is published. `supersede` ends one whose source was replaced. `refuse`
    ends a new one, or one that begins again, in the transaction that makes it so.
    """

    publish: Callable[[str], object]
    rerun: Callable[[Session, str], bool]
    supersede: Callable[[str, ReelworksError], object]
    refuse: Callable[[Session, str], object] | None = None


@dataclass(frozen=True)
class _Read:
    """A file that was read: what it is, and the fingerprint of what it was when it was shorter."""

    path: Path
    identity: Identity
    sidecar: str
    content: str
    start: str


def submit(ready: Runtime, path: Path, wishes: Wishes, actions: Actions) -> Submitted:
    """Make the job of a whole file, or find the one that it has already.

    A job that began on what the file was before begins again on what it is now. Raises
    `ReelworksError` (`source_gone`, `source_changed`, `not_a_file`, `unreadable`, `bad_name`,
    `outside`) and `ConfigurationError` (no such profile, or a wrong sidecar); nothing is lost then:
    the file stays.
    """
    path = located(path, wishes.folder, by_hand=wishes.by_hand)
    settings = ready.settings
    settings.profile(wishes.profile)
    identity, sidecar = _identity(path, wishes), stamp(path, of_media=True)
    with ready.db.read() as session:
        job = known.job_of(session, path, identity, wishes.profile, sidecar)
        before = known.former(session, path, wishes.profile)
    library = settings.pipeline.paths.library
    held = job is not None and job.held_at is not None
    if job is not None and not held and not (wishes.by_hand and results_gone(job, library)):
        if copy_is_due(job, path, wishes.folder):
            settle_copy(ready, job, path, identity, wishes.folder)
        return Submitted(job.id, created=False)
    said = NOTHING
    if wishes.sidecar:
        said = read_sidecar(path, settings.profiles, settings.pipeline.tags)
    wanted = wishes.refined(said)
    read = _read(path, identity, sidecar, wishes, before[0] if before else None)
    if before is not None and (fate := _of_former(ready, *before, read, wishes, wanted, actions)):
        return fate
    return _submit_new(ready, read, wishes, wanted, actions)


def _submit_new(
    ready: Runtime, read: _Read, wishes: Wishes, wanted: Wishes, actions: Actions
) -> Submitted:
    path, identity = read.path, read.identity
    library = ready.settings.pipeline.paths.library

    def act(session: Session) -> tuple[Job, bool, bool]:
        new = new_job(ready, path, identity, read.content, wanted)
        job, created = jobs.create(session, new)
        if not created:
            own = _own_job(session, job, path, wishes)
            alone = set_apart(read.content, path, identity.mtime_ns, identity.inode)
            new = new if own else replace(new, fingerprint=alone)
            job, created = (own, False) if own else jobs.create(session, new)
        # The job first, and what is known of its files after it: so does who settles its source.
        job = jobs.get(session, job.id, lock=True)
        known.remember(session, path, wishes.profile, identity, job, read.sidecar)
        dropped_again = not created and _take_again(session, job, new, library)
        rerun = dropped_again and actions.rerun(session, job.id)
        if actions.refuse is not None and (created or rerun):
            actions.refuse(session, job.id)
        return job, created, rerun

    job, created, rerun = ready.db.write(act)
    if created or rerun:
        actions.publish(job.id)
    elif copy_is_due(job, path, wishes.folder):
        settle_copy(ready, job, path, identity, wishes.folder)
    return Submitted(job.id, created)


def _of_former(
    ready: Runtime,
    job: Job,
    was: Identity,
    read: _Read,
    wishes: Wishes,
    wanted: Wishes,
    actions: Actions,
) -> Submitted | None:
    """Look what becomes of the job of the file that was at this place before.

    It begins again when its file grew, was written anew in its place, or has a new sidecar; when
    another file took the place, it ends. None when the file is to be submitted for itself.
    """
    new = new_job(ready, read.path, read.identity, read.content, wanted)
    former = job.id

    def act(session: Session) -> tuple[Job, bool] | None:
        job = jobs.get(session, former, lock=True)
        why = _why_again(job, was, read, wanted)
        if why is None:
            return None
        restarted = read.identity.inode == was.inode and again.begin_again(session, job, new, why)
        if restarted:
            known.remember(session, read.path, wishes.profile, read.identity, job, read.sidecar)
            if actions.refuse is not None:
                actions.refuse(session, job.id)
        return job, restarted

    found = ready.db.write(act)
    if found is None:
        return None
    job, restarted = found
    if restarted:
        actions.publish(job.id)
        return Submitted(job.id, created=False, restarted=True)
    if not job.state.terminal:
        actions.supersede(job.id, _replaced(read.path))
    return None


def _why_again(job: Job, was: Identity, read: _Read, wanted: Wishes) -> str | None:
    """Say why a job can't go on with its source as it was; None when it can, or has ended."""
    if job.source_path != str(read.path):
        return None
    before = content_of(job.fingerprint)
    if job.state.terminal:
        grown = read.identity.inode == was.inode and read.start == before != read.content
        if grown and job.state is not JobState.CANCELLED:
            return f"{read.path.name} has grown since"
        mended = job.error_code == BAD_SIDECAR and before == read.content
        return "its sidecar was mended" if mended and wanted.sidecar else None
    if before != read.content:
        if was.bytes == read.identity.bytes:
            return f"{read.path.name} was written anew"
        return f"{read.path.name} changed from {was.bytes} to {read.identity.bytes} bytes"
    if job.held_at is not None:
        return f"{read.path.name} is whole"
    said = (job.profile, job.title, job.language, job.tags, job.needs)
    if said != (wanted.profile, wanted.title, wanted.language, wanted.tags, wanted.needs):
        return "its sidecar is a new one"
    return None


def _replaced(path: Path) -> ReelworksError:
    return ReelworksError(
        "source_replaced",
        f"{path.name} was replaced by another version while this job worked on it.",
        "The new version has a job of its own.",
    )


def _identity(path: Path, wishes: Wishes) -> Identity:
    """Look what the file is. What was found in a folder is no link; see `located`."""
    try:
        found = path.stat() if wishes.by_hand or wishes.folder is None else path.lstat()
    except OSError as problem:
        raise ReelworksError(
            "source_gone", f"{path} is gone or can't be read: {problem.strerror}."
        ) from problem
    if not stat.S_ISREG(found.st_mode):
        raise ReelworksError(
            "not_a_file",
            f"{path} is not a regular file.",
            "Give the file itself: no folder, link, pipe, socket or device.",
        )
    return Identity.of(found)


def _read(
    path: Path, identity: Identity, sidecar: str, wishes: Wishes, before: Job | None
) -> _Read:
    start = ""
    try:
        if before is not None and before.source_bytes < identity.bytes:
            content, start = fingerprints(path, before.source_bytes)
        else:
            follow = wishes.by_hand or wishes.folder is None
            content = fingerprint(path, follow=follow)
    except OSError as problem:
        raise ReelworksError(
            "unreadable",
            f"{path} can't be read: {problem.strerror}.",
            "Give the user that runs Reelworks the right to read it.",
        ) from problem
    if _identity(path, wishes) != identity:
        raise ReelworksError(
            "source_changed",
            f"{path} changed while it was read.",
            "It is looked at again once it stays as it is.",
        )
    return _Read(path, identity, sidecar, content, start)


def new_job(
    ready: Runtime, path: Path | str, identity: Identity, content: str, wishes: Wishes
) -> jobs.NewJob:
    """Describe the job of a file that was read: `content` is its fingerprint."""
    folder = wishes.folder
    rules = Rules.at(folder, path)
    return jobs.NewJob(
        source_path=str(path),
        source_bytes=identity.bytes,
        source_mtime_ns=identity.mtime_ns,
        source_inode=identity.inode,
        source_ctime_ns=identity.ctime_ns,
        fingerprint=content,
        profile=wishes.profile,
        priority=wishes.priority,
        title=wishes.title,
        language=wishes.language,
        tags=wishes.tags,
        needs=wishes.needs,
        library_subfolder=below_folder(folder, path) if folder else "",
        on_success=rules.on_success,
        on_failure=rules.on_failure,
        archive_to=rules.archive_to,
        quarantine_to=rules.quarantine_to,
        deadline=ready.settings.pipeline.limits.deadline,
    )


def _own_job(session: Session, alike: Job, path: Path, wishes: Wishes) -> Job | None:
    """Find the job of this very file, where copies have jobs of their own; None when it has none.

    `alike` is a job of the same content. Where copies have none of their own it is that one.
    """
    if wishes.folder is None or wishes.folder.duplicates != "process":
        return alike
    before = known.former(session, path, wishes.profile)
    content = content_of(alike.fingerprint)
    mine = [alike] if before is None else [alike, before[0]]
    for job in mine:
        if job.source_path == str(path) and content_of(job.fingerprint) == content:
            return job
    return None


def _take_again(session: Session, job: Job, new: jobs.NewJob, library: Path) -> bool:
    """Whether this file, never seen here before, is dropped again to be worked on again.

    That is so for work that failed, and for work whose results were removed. Once for each drop:
    from now on the file is known. Work that was cancelled is tried again only when somebody says
    `retry`. The job's row must be locked.
    """
    path = new.source_path
    gone = results_gone(job, library)
    if job.source_path == path and not gone:
        return False
    if (
        not gone
        and job.quarantine_to is not None
        and is_renamed(job, Path(path), as_submitted(new))
    ):
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
    stamps = new.source_mtime_ns, new.source_inode, new.source_ctime_ns
    jobs.replace_source(session, job.id, path, *stamps)
    jobs.wish_as(job, new)
    # What becomes of this file is for its own folder to say: one that lies in none stays.
    job.on_success, job.on_failure = new.on_success, new.on_failure
    job.archive_to, job.quarantine_to = new.archive_to, new.quarantine_to
    return True
