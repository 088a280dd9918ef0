"""Jobs: create once, look at, plan, end once, retry."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer

from pipeline.history import attempts, events, outbox
from pipeline.history.database import now
from pipeline.history.errors import JobNotFound, WrongState
from pipeline.history.views import SHORT_ID, JobView, job_view
from pipeline.models import ENCODING, Job, JobState, Rendition, Step, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from pipeline.errors import ReelworksError

_Found = TypeVar("_Found")
#: What ids are made of.
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A whole file that was found, and what its watched folder says of it."""

    source_path: str
    source_bytes: int
    source_mtime_ns: int
    fingerprint: str
    profile: str
    priority: int
    library_subfolder: str
    on_success: str
    on_failure: str
    archive_to: str | None
    quarantine_to: str | None
    deadline: timedelta
    source_inode: int | None = None
    source_ctime_ns: int | None = None
    title: str | None = None
    language: str | None = None
    tags: dict[str, str] | None = None
    needs: str | None = None


#: How many jobs wait on the broker at most, when more were found than can be worked on soon.
MOST_WAITING = 500
#: Stands for who settled the source of a job when that began anew: he finds it lost, or died, and
#: may have put the source where it no longer goes.
INTERRUPTED = "interrupted"
#: The steps that a job has from the start; its renditions are known once it is planned.
FIRST_STEPS = (StepKind.PROBE, StepKind.THUMBNAIL, StepKind.MANIFEST)


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """One verified rendition, as it will be remembered."""

    name: str
    width: int
    height: int
    codec: str
    path: str
    frames: int
    duration_s: float
    bytes: int


def create(session: Session, new: NewJob) -> tuple[Job, bool]:
    """Insert the job, or find the one of the same content and profile; True when inserted.

    The unique constraint decides between two who insert at once: the loser gets the winner's job.
    """
    found = _same(session, new)
    if found is not None:
        return found, False
    job = Job(**columns(new, now(session)), steps=[new_step(kind) for kind in FIRST_STEPS])
    try:
        with session.begin_nested():
            session.add(job)
    except IntegrityError:
        found = _same(session, new)
        if found is None:
            raise
        return found, False
    events.add(session, job.id, "found", f"found {new.source_path}", bytes=new.source_bytes)
    return job, True


def columns(new: NewJob, at: datetime) -> dict[str, Any]:
    """Give the columns of the new job's row, as it is at the moment `at`."""
    return {
        "id": uuid.uuid4().hex,
        "profile": new.profile,
        "priority": new.priority,
        "source_path": new.source_path,
        "original_path": new.source_path,
        "library_subfolder": new.library_subfolder,
        "source_bytes": new.source_bytes,
        "source_mtime_ns": new.source_mtime_ns,
        "source_inode": new.source_inode,
        "source_ctime_ns": new.source_ctime_ns,
        "fingerprint": new.fingerprint,
        "title": new.title,
        "language": new.language,
        "tags": new.tags,
        "needs": new.needs,
        "on_success": new.on_success,
        "on_failure": new.on_failure,
        "archive_to": new.archive_to,
        "quarantine_to": new.quarantine_to,
        "created_at": at,
        "deadline_at": at + new.deadline,
        "touched_at": at,
    }


def _same(session: Session, new: NewJob) -> Job | None:
    return session.scalars(
        select(Job).where(Job.fingerprint == new.fingerprint, Job.profile == new.profile)
    ).one_or_none()


def new_step(kind: StepKind, name: str | None = None, unit: str | None = None) -> Step:
    """Give a waiting step, named as its kind unless it has a name of its own."""
    return Step(name=name or kind.value, kind=kind, position=kind.position, unit=unit)


def get(session: Session, job_id: str, *, lock: bool = False) -> Job:
    """Fetch the job with exactly this id. Raises `JobNotFound`.

    With `lock` the row is read again behind the lock, also when the session has it already: what
    was seen before may be another's past. Lock before you look at its steps.
    """
    job = session.get(Job, job_id, with_for_update=lock, populate_existing=lock)
    if job is None:
        raise JobNotFound(job_id)
    return job


def find(session: Session, prefix: str) -> Job:
    """Fetch the one job whose id begins with `prefix`. Raises `JobNotFound`.

    Its plan is read when somebody looks at it: it is the largest part of the row.
    """
    return _one(session, select(Job).options(defer(Job.plan)), prefix)


def find_seq(session: Session, prefix: str) -> int:
    """Give the `seq` of the one job whose id begins with `prefix`. Raises `JobNotFound`."""
    return _one(session, select(Job.seq), prefix)


def _one(session: Session, query: Select[_Found], prefix: str) -> _Found:
    start = prefix.lower()
    if not _HEXADECIMAL.fullmatch(start):
        raise JobNotFound(prefix)
    # A range is found by the key in every database and collation; LIKE is not.
    matches = session.scalars(query.where(Job.id >= start, Job.id < f"{start}g").limit(2)).all()
    if len(matches) != 1:
        raise JobNotFound(prefix, ambiguous=bool(matches))
    return matches[0]


def view(session: Session, job_id: str) -> JobView:
    """Show the job whose id is or begins with `job_id`. Raises `JobNotFound`."""
    return job_view(find(session, job_id))


def unfinished(session: Session) -> list[str]:
    """List the ids of jobs that have not ended, oldest first."""
    live = select(Job.id).where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
    return list(session.scalars(live.order_by(Job.created_at)))


def to_look_after(session: Session, most_waiting: int = MOST_WAITING) -> list[str]:
    """List the ids of the unfinished jobs that are to be looked after now, oldest first.

    Of those that wait to be published for the first time only as many as make `most_waiting` with
    those that wait on the broker, the most urgent first: more there would make nothing faster.
    """
    live = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    owed = live & Job.published_at.is_(None) & (Job.publish_count == 0) & Job.held_at.is_(None)
    begun = list(session.scalars(select(Job.id).where(live, ~owed).order_by(Job.created_at)))
    queued = select(func.count()).where(Job.state == JobState.QUEUED, Job.published_at.is_not(None))
    room = max(0, most_waiting - (session.scalar(queued) or 0))
    first = select(Job.id).where(owed).order_by(Job.priority.desc(), Job.created_at, Job.id)
    return begun + list(session.scalars(first.limit(room)))


def unsettled(session: Session) -> list[str]:
    """List the ids of ended jobs whose source was not yet moved as their folder's entry says."""
    ended = select(Job.id).where(
        Job.settled_at.is_(None), Job.state.not_in((JobState.QUEUED, JobState.RUNNING))
    )
    return list(session.scalars(ended.order_by(Job.finished_at)))


def record_outputs(
    session: Session,
    job: Job,
    directory: str,
    paths: dict[str, Any],
    renditions: Iterable[OutputFacts],
) -> None:
    """Remember where the results are: `paths` by kind, relative to the output folder."""
    job.renditions = []
    job.outputs_removed_at = job.checked_at = job.damage = None
    session.flush()  # a rendition of the same name may have been there
    describe_outputs(job, directory, paths, renditions)


def describe_outputs(
    job: Job, directory: str, paths: dict[str, str], renditions: Iterable[OutputFacts]
) -> None:
    """Fill in where the results are, in the row alone: whether it is kept is up to the caller."""
    job.output_directory = directory
    job.outputs = dict(paths)
    job.renditions = [
        Rendition(
            name=facts.name,
            width=facts.width,
            height=facts.height,
            codec=facts.codec,
            path=facts.path,
            frames=facts.frames,
            duration_s=facts.duration_s,
            bytes=facts.bytes,
        )
        for facts in renditions
    ]


def end(
    session: Session,
    job_id: str,
    state: JobState,
    *,
    run: int | None = None,
    error: ReelworksError | None = None,
    step: str | None = None,
    channels: Iterable[str] = (),
) -> bool:
    """End the job in `state`, once: True for the one caller who did, False for all others.

    `run` is the run that the caller has looked at: when the job was begun again meanwhile, what
    was decided of the former run ends nothing. None ends whatever run there is.
    In the same transaction every running step is stopped (its holder finds the lease lost), every
    try that goes on ends, and an alert is owed to each of `channels`.
    """
    job = session.get(Job, job_id, with_for_update=True)
    if job is None or job.state.terminal or run not in (None, job.run):
        return False
    at = now(session)
    job.state = state
    job.finished_at = job.touched_at = at
    job.waits_until = job.lacking_since = None
    if error is not None:
        job.error_step, job.error_code = step, error.code
        job.error_message, job.error_hint = error.message, error.hint
    for row in job.steps:
        if row.state is StepState.RUNNING:
            row.state, row.lease_until, row.progress = StepState.WAITING, None, 0.0
    attempts.cancel(session, job_id)
    message = state.value if error is None else f"{state.value}: {error.message}"
    events.add(session, job_id, state.value, message, code=error.code if error else None)
    outbox.owe(session, job, state.value, channels)
    return True


def reopen(
    session: Session, job_id: str, deadline: timedelta, *, afresh: bool, rebuild: bool = False
) -> None:
    """Make an ended job wait again as a new run; `afresh` forgets its plan and what was done.

    Raises `WrongState` when the job has not ended, or has succeeded and is not to `rebuild`.
    """
    job = get(session, job_id, lock=True)
    short = job_id[:SHORT_ID]
    if not job.state.terminal:
        raise WrongState(
            f"Job {short} is still {job.state.value}.", f"`reelworks cancel {short}` ends it first."
        )
    if job.state is JobState.SUCCEEDED and not rebuild:
        raise WrongState(
            f"Job {short} succeeded, and its results are there: there is nothing to retry.",
            f"`reelworks retry {short} --force` makes them again.",
        )
    at = now(session)
    job.state, job.run = JobState.QUEUED, job.run + 1
    job.deadline_at, job.touched_at = at + deadline, at
    job.started_at = job.finished_at = job.settled_at = job.published_at = None
    job.settle_owner = INTERRUPTED if job.settle_owner else None
    job.settle_until = job.held_at = None
    job.waits_until = job.lacking_since = None
    job.publish_count = 0
    job.error_step = job.error_code = job.error_message = job.error_hint = None
    wait_again(job, afresh=afresh)
    events.add(session, job_id, "retried", f"run {job.run} begins", run=job.run)


def wait_again(job: Job, *, afresh: bool) -> None:
    """Let the job's steps wait: those not done, or `afresh` all of them, with a new plan."""
    if afresh:
        job.plan = job.tag = job.lacking_since = None
        for step in [step for step in job.steps if step.kind in ENCODING]:
            job.steps.remove(step)
    for step in job.steps:
        if afresh or step.state is not StepState.DONE:
            step.state, step.progress, step.tries = StepState.WAITING, 0.0, 0
            step.lease_until = step.retry_at = step.finished_at = step.started_at = None


def replace_source(
    session: Session,
    job_id: str,
    path: str,
    mtime_ns: int,
    inode: int | None = None,
    ctime_ns: int | None = None,
) -> None:
    """Record that the job's source is now the copy at `path`, last changed at `mtime_ns`.

    `ctime_ns` is when it was last changed in any way, as of before its content was read.
    It is to be settled again, and whoever settles the former one finds that out of date.
    """
    job = get(session, job_id, lock=True)
    job.source_path, job.source_mtime_ns, job.source_inode = path, mtime_ns, inode
    job.source_ctime_ns = ctime_ns
    job.settled_at = job.source_fate = job.settle_owner = job.settle_until = None
    if job.leaving is not None and job.leaving["path"] == path:
        job.leaving = None


def wish_as(job: Job, new: NewJob) -> None:
    """Let the job be what is wished for its file as it is now: its words, and what it needs."""
    job.title, job.language, job.tags = new.title, new.language, new.tags
    job.needs = new.needs


def mark_published(session: Session, job_id: str) -> Job | None:
    """Record that the job's canvas goes to the broker now.

    None when the job has ended, or waits for its source to be whole.
    """
    job = get(session, job_id, lock=True)
    if job.state.terminal or job.held_at is not None:
        return None
    job.published_at = job.touched_at = now(session)
    job.publish_count += 1
    return job


def unpublish(session: Session, job_id: str) -> None:
    """Record that the canvas did not reach the broker: the reconciler will publish it."""
    job = session.get(Job, job_id)
    if job is not None:
        job.published_at = None
