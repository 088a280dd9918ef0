"""Settling: one at a time puts an ended job's source where it belongs, and records where."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import exists, select, update

from pipeline.history import events, known
from pipeline.history.database import changed, now
from pipeline.history.fate import SourceFate, later_fate
from pipeline.history.jobs import INTERRUPTED, get
from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from pipeline.history.known import Identity

#: How long one who settles a source is waited for after its last sign of life.
LEASE = timedelta(seconds=30)
#: How long a source is left alone that could not be moved.
PAUSE = timedelta(seconds=120)
#: Nobody holds one for longer at a time.
TOO_FAR = 2 * PAUSE


class SettlingLost(Exception):
    """The job was retried meanwhile, or somebody else settles its source now."""


def claim(session: Session, job_id: str, owner: str) -> Job | None:
    """Take it on to settle the job's source; None when that is not due.

    It is due once for each end of a job, to one at a time, and only when no other job still needs
    the source where it is. Raises `JobNotFound`. The job's row stays locked until the end of the
    transaction: what is done in it is done to a job that has ended.
    """
    job, others = _locked(session, job_id)
    at = now(session)
    if not job.state.terminal or job.settled_at is not None:
        return None
    if any(_is_held(one, at) for one in (job, *others)):
        return None
    if any(_needs(other, job) for other in others):
        return None
    job.settle_owner, job.settle_until = owner, at + LEASE
    return job


def _is_held(job: Job, at: datetime) -> bool:
    """Whether somebody settles its source; held for longer than anybody does, it is not.

    Then the clock was set back, and its holder would have said since that he goes on.
    """
    return job.settle_until is not None and at < job.settle_until <= at + TOO_FAR


def _needs(other: Job, job: Job) -> bool:
    """Whether `other` needs the source they share, as it is: to run, or to be tried again."""
    goes = job.state is JobState.SUCCEEDED and job.on_success == "delete"
    return not other.state.terminal or (goes and other.state is not JobState.SUCCEEDED)


def beat(session: Session, job_id: str, owner: str) -> None:
    """Say that the settling goes on. Raises `SettlingLost`."""
    _hold(session, job_id, owner, LEASE)


def stuck(session: Session, job_id: str, owner: str, why: str) -> None:
    """Record why the source could not be moved yet, and leave it alone for a while."""
    _hold(session, job_id, owner, PAUSE)
    events.add(session, job_id, "source_stuck", f"the source could not be moved yet: {why}")


def _hold(session: Session, job_id: str, owner: str, span: timedelta) -> None:
    mine = update(Job).where(Job.id == job_id, Job.settle_owner == owner)
    if not changed(session, mine.values(settle_until=now(session) + span)):
        raise SettlingLost(job_id)


def is_alone(session: Session, job_id: str, owner: str) -> bool:
    """Whether nobody but `owner` moves the source: until the job's row is unlocked.

    So it is, too, when the job was retried meanwhile.
    """
    job = get(session, job_id, lock=True)
    return job.settle_owner == owner or not job.state.terminal


def release(session: Session, job_id: str, owner: str, *, died: bool) -> None:
    """Leave the settling to somebody else, at once; `died` says that one before did not end it."""
    mine = update(Job).where(Job.id == job_id, Job.settle_owner == owner)
    former = INTERRUPTED if died else None
    changed(session, mine.values(settle_owner=former, settle_until=None))


def has_served(session: Session, job: Job) -> bool:
    """Whether another job of the very same file has succeeded."""
    _, others = _locked(session, job.id)
    return any(other.state is JobState.SUCCEEDED for other in others)


def left(session: Session, job_id: str, owner: str, fate: SourceFate | None, why: str = "") -> None:
    """Record that what is at the source's place stays as it is. Raises `SettlingLost`.

    `fate` is what became of the source, None when that can't be told.
    """
    job, *_ = _mine(session, job_id, owner)
    job.source_fate = later_fate(job.source_fate, fate)
    if why:
        events.add(session, job_id, "source_left", why)


def replaced(session: Session, job_id: str, owner: str, there: Identity, why: str) -> bool:
    """Record that another file lies at the source's place; True when it looks just as the former.

    Then it is forgotten that it is known, and it is found as a new one. Raises `SettlingLost`.
    """
    left(session, job_id, owner, SourceFate.REPLACED, why)
    job = get(session, job_id)
    return known.forget_as(session, Path(job.source_path), job, there)


def moved(
    session: Session, job_id: str, owner: str, former: Identity, path: Path, there: Identity
) -> None:
    """Record where the source is now, for every job that has it. Raises `SettlingLost`.

    `former` is what lies at its former place: it is owed to be taken away from there, and known as
    this job's until `taken` says that it was.
    """
    job, others = _held(session, job_id, owner)
    events.add(session, job_id, "source_moved", f"moved the source to {path}", path=str(path))
    _forget_former(session, job, others)
    mine = {"bytes": former.bytes, "mtime_ns": former.mtime_ns, "inode": former.inode}
    job.leaving = {"path": job.source_path, **mine}
    for one in (job, *others):
        one.source_path = str(path)
        one.source_mtime_ns, one.source_inode = there.mtime_ns, there.inode
        one.source_ctime_ns = None
        one.source_fate = SourceFate.MOVED


def taken(session: Session, job_id: str, owner: str) -> None:
    """Record that nothing of the moved source is left at its former place.

    Raises `SettlingLost`.
    """
    _mine(session, job_id, owner)


def taken_by_others(session: Session, job_id: str, owner: str) -> None:
    """Record that others took the moved source from its former place; what it was stays known.

    For they may only have renamed it. Raises `SettlingLost`.
    """
    owed = _held(session, job_id, owner)[0].leaving
    job, *_ = _mine(session, job_id, owner)
    job.leaving = owed


def leaving(job: Job) -> tuple[Path, Identity] | None:
    """Tell where the job's source is still to be taken away, and what lies there; None if nowhere.

    It may lie at the job's own place: somebody put it back there.
    """
    if job.leaving is None:
        return None
    found = job.leaving
    identity = known.Identity(found["bytes"], found["mtime_ns"], found["inode"])
    return Path(found["path"]), identity


def deleted(session: Session, job_id: str, owner: str) -> None:
    """Record that the source goes. Raises `SettlingLost`."""
    family = _mine(session, job_id, owner)
    events.add(session, job_id, "source_deleted", f"deleted {family[0].source_path}")
    for job in family:
        known.forget(session, Path(job.source_path), job)
        job.source_fate = SourceFate.DELETED


def not_deleted(session: Session, job_id: str, fate: SourceFate, why: str) -> None:
    """Record that a source that was to go had become `fate` before it could be deleted."""
    job, others = _locked(session, job_id)
    for one in (job, *others):
        if one.source_fate == SourceFate.DELETED:
            one.source_fate = fate
    events.add(session, job_id, "source_left", why)


def copy_settled(session: Session, path: Path, job: Job, became: str) -> None:
    """Record what became of a copy of an ended job's source."""
    known.forget(session, path, job)
    events.add(session, job.id, "copy_settled", f"the copy {path} was {became}")


def _mine(session: Session, job_id: str, owner: str) -> list[Job]:
    """End the settling: the job, and after it the others that have the same source."""
    job, others = _held(session, job_id, owner)
    _forget_former(session, job, others)
    job.settled_at = now(session)
    job.settle_owner = job.settle_until = None
    return [job, *others]


def _held(session: Session, job_id: str, owner: str) -> tuple[Job, list[Job]]:
    job, others = _locked(session, job_id)
    if job.settle_owner != owner or not job.state.terminal:
        raise SettlingLost(job_id)
    return job, others


def _forget_former(session: Session, job: Job, others: list[Job]) -> None:
    """Forget the file that was owed to be taken away: what lies there now is looked at anew."""
    owed, job.leaving = leaving(job), None
    if owed is not None:
        for one in (job, *others):
            known.forget(session, owed[0], one)


def _locked(session: Session, job_id: str) -> tuple[Job, list[Job]]:
    """Lock the job and those of other profiles that have the very same file for their source.

    All of one content, copies with jobs of their own among them, are locked in one order, so that
    two who settle don't wait for each other.
    """
    alike = session.scalars(
        select(Job)
        .where(_same_content(get(session, job_id)))
        .order_by(Job.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    job = next(one for one in alike if one.id == job_id)
    return job, [one for one in alike if one is not job and one.source_path == job.source_path]


def has_another(session: Session, path: Path, job: Job) -> bool:
    """Whether the file at `path`, a copy of the job's source, is the source of another job."""
    others = (Job.id != job.id) & (Job.source_path == str(path))
    return bool(session.scalar(select(exists().where(_same_content(job), others))))


def _same_content(job: Job) -> ColumnElement[bool]:
    content = job.fingerprint.partition(known.APART)[0]
    # A range is found by the key in every database and collation, as in `jobs.find`.
    return (Job.fingerprint >= content) & (Job.fingerprint < f"{content}g")
