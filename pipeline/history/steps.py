"""Steps: claim by a conditional update with a lease, heartbeat, publish behind the fence, end.

Who changes steps locks their job's row first: nobody then waits for another in a ring.
"""

from __future__ import annotations

import enum
import math
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select, update

from pipeline.history import disk, events, idling
from pipeline.history.database import changed, now
from pipeline.history.errors import LeaseLost
from pipeline.history.telling import ending, once
from pipeline.models import Attempt, Job, JobState, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from pipeline.errors import ReelworksError

#: How long a claim holds without a heartbeat. Heartbeats come every couple of seconds, so a
#: holder that missed this long is dead or cut off, and nobody waits long for its work.
LEASE = timedelta(seconds=30)
#: A lease that reaches further ahead than this is from before the clock was set back: its holder
#: would have renewed it since. It counts as lapsed, or a dead one would hold the step for as long.
TOO_FAR = 2 * LEASE
#: The end of a tool's output that an attempt keeps, characters.
LOG_LIMIT = 16_000
_LIVE = (JobState.QUEUED, JobState.RUNNING)


class Refusal(enum.Enum):
    """Why there is nothing to claim. None of these is an error of the caller."""

    ENDED = "the job has ended"
    EXPIRED = "the job's deadline has passed"
    DONE = "the work is done already"
    EARLY = "steps before it are not done"
    HELD = "somebody else is working on it"
    UNWHOLE = "its source is being changed"
    FAILED = "the step has failed"
    EXHAUSTED = "it was tried as often as allowed"


@dataclass(frozen=True)
class Claim:
    """The right to work on steps of a job until the lease lapses.

    `attempts` maps each step's name to the attempt number: the fence for publishing, and the
    part of a temporary file's name that no other attempt has. `tries` counts this run's tries.
    """

    job_id: str
    owner: str
    attempts: dict[str, int]
    tries: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the claimed steps."""
        return tuple(self.attempts)


def claim(
    session: Session,
    job_id: str,
    names: Sequence[str],
    *,
    owner: str,
    limit: int,
    full_at: datetime | None = None,
) -> Claim | Refusal:
    """Claim those of the named steps that are not done, all or none.

    `owner` is `node/process/task id`; `limit` is how many tries a run of the job allows a step.
    A step whose lease lapsed is taken over: its former attempt ends as `lost`. `full_at` is when
    the database was last full: who could not beat since then still holds it for a moment after
    that, and then has it `released`, so that the try does not count.
    """
    job = session.get(Job, job_id, with_for_update=True)
    if job is None or job.state.terminal:
        return Refusal.ENDED
    at = now(session)
    if at >= job.deadline_at:
        return Refusal.EXPIRED
    if job.held_at is not None:
        return Refusal.UNWHOLE
    steps = [step for step in job.steps if step.name in names]
    todo = [step for step in steps if step.state is not StepState.DONE]
    silent = [step for step in todo if was_kept_silent(step, full_at)]
    if silent and disk.was_lately(full_at, at):
        return Refusal.HELD
    idle = idling.waiting(session, silent)
    spared = {step.id for step in silent if step.id not in idle}
    refusal = _refusal(job, todo, at, limit, spared)
    if refusal is not None:
        return refusal
    idling.count(session, silent, counts=False)
    for step in todo:
        _take(session, job, step, owner, at, "released" if step in silent else "lost")
    if job.state is JobState.QUEUED:
        job.state = JobState.RUNNING
    job.started_at = job.started_at or at
    job.touched_at = at
    session.flush()
    tries = max(step.tries for step in todo)
    return Claim(job_id, owner, {step.name: step.attempt for step in todo}, tries)


def _refusal(
    job: Job, todo: list[Step], at: datetime, limit: int, spared: Collection[int]
) -> Refusal | None:
    if not todo:
        return Refusal.DONE
    first = min(step.position for step in todo)
    if any(step.position < first and step.state is not StepState.DONE for step in job.steps):
        return Refusal.EARLY
    if any(step.state is StepState.FAILED for step in todo):
        return Refusal.FAILED
    if any(is_live(step, at) for step in todo):
        return Refusal.HELD
    if max(step.tries - (step.id in spared) for step in todo) >= limit:
        return Refusal.EXHAUSTED
    return None


def _take(session: Session, job: Job, step: Step, owner: str, at: datetime, former: str) -> None:
    free = or_(
        Step.state == StepState.WAITING,
        (Step.state == StepState.RUNNING) & has_lapsed(at),
    )
    taken = changed(
        session,
        update(Step)
        .where(Step.id == step.id, Step.attempt == step.attempt, free)
        .values(
            state=StepState.RUNNING,
            attempt=Step.attempt + 1,
            tries=Step.tries + 1,
            owner=owner,
            lease_until=at + LEASE,
            retry_at=None,
            progress=0.0,
            started_at=func.coalesce(Step.started_at, at),
        ),
    )
    if taken != 1:
        raise LeaseLost(job.id, (step.name,))
    end_attempts(session, [step], at, former)
    session.refresh(step)
    session.add(
        Attempt(step_id=step.id, number=step.attempt, run=job.run, owner=owner, started_at=at)
    )
    events.add(session, job.id, "step_started", f"{step.name} started", attempt=step.attempt)


def is_live(step: Step, at: datetime) -> bool:
    """Whether somebody holds an unlapsed lease on the step at the moment `at`."""
    until = step.lease_until
    return step.state is StepState.RUNNING and until is not None and at < until <= at + TOO_FAR


def has_lapsed(at: datetime) -> ColumnElement[bool]:
    """Say which running steps have a lease that holds no more at the moment `at`."""
    return or_(Step.lease_until <= at, Step.lease_until > at + TOO_FAR)


def was_kept_silent(step: Step, full_at: datetime | None) -> bool:
    """Whether the database was full after the holder of a running step had last beaten."""
    until = step.lease_until if step.state is StepState.RUNNING else None
    return full_at is not None and until is not None and until - LEASE <= full_at


def _held(claim: Claim) -> ColumnElement[bool]:
    names: dict[int, list[str]] = {}
    for name, attempt in claim.attempts.items():
        names.setdefault(attempt, []).append(name)
    job_lives = exists().where(Job.id == claim.job_id, Job.state.in_(_LIVE))
    return (
        (Step.job_id == claim.job_id)
        & or_(*((Step.attempt == one) & Step.name.in_(names[one]) for one in names))
        & (Step.state == StepState.RUNNING)
        & (Step.owner == claim.owner)
        & job_lives
    )


def heartbeat(session: Session, claim: Claim, progress: float, *, idle: bool | None = None) -> None:
    """Extend the lease on every claimed step and record how far it is (0 to 1).

    `idle` says that it only waits from now on, or no longer does; None that this is as before.
    Raises `LeaseLost` when the job was cancelled or ended, or another attempt took over.
    """
    at = now(session)
    # The job's row first, as everybody locks them: who beats and who ends it never wait in a ring.
    session.execute(update(Job).where(Job.id == claim.job_id).values(touched_at=at))
    # All at once: a film's ladder has many steps, and is beaten for as long as it is encoded.
    beaten = changed(
        session,
        update(Step)
        .where(_held(claim))
        .values(lease_until=at + LEASE, progress=min(max(progress, 0.0), 1.0)),
    )
    if beaten != len(claim.attempts):
        raise LeaseLost(claim.job_id, claim.names)
    if idle is not None:
        idling.mark(session, claim.job_id, claim.names, idle=idle)


@contextmanager
def publishing(session: Session, claim: Claim, *, log: str = "") -> Iterator[Job]:
    """Hold the fence while the caller renames its results into place, then mark the steps done.

    The body runs inside the transaction with the job's row locked: keep it to renames and rows.
    Raises `LeaseLost` before the body when the steps are no longer ours.
    """
    job = session.get(Job, claim.job_id, with_for_update=True)
    at = now(session)
    steps = [step for step in job.steps if step.name in claim.attempts] if job else []
    ours = [
        step
        for step in steps
        if step.owner == claim.owner
        and step.attempt == claim.attempts[step.name]
        and is_live(step, at)
    ]
    if job is None or job.state.terminal or len(ours) != len(claim.attempts):
        raise LeaseLost(claim.job_id, claim.names)
    yield job
    for step in ours:
        step.state = StepState.DONE
        step.progress = 1.0
        step.lease_until = None
        step.finished_at = at
        events.add(session, job.id, "step_done", f"{step.name} done", attempt=step.attempt)
    job.touched_at = at
    end_attempts(session, ours, at, "done", log=log)


def fail(
    session: Session,
    claim: Claim,
    error: ReelworksError,
    *,
    retry_in: timedelta | None,
    log: str,
    uncount: bool = False,
) -> bool:
    """End the attempt badly: back to waiting when `retry_in` is given, else failed for good.

    With `uncount` the try does not count against the limit, when there is another one.
    False, and nothing is done, when the steps are no longer ours: then somebody else decides.
    """
    at = now(session)
    steps = _ours(session, claim)
    idling.count(session, steps, counts=retry_in is None or not uncount)
    for step in steps:
        step.state = StepState.FAILED if retry_in is None else StepState.WAITING
        step.lease_until = None
        step.retry_at = None if retry_in is None else at + retry_in
        step.finished_at = at if retry_in is None else None
        step.progress = 0.0
        later = "" if retry_in is None else f"; again in {retry_in.total_seconds():.0f} s"
        events.add(
            session,
            claim.job_id,
            "step_failed" if retry_in is None else "step_retried",
            f"{step.name}: {error.message.removesuffix('.') if later else error.message}{later}",
            attempt=step.attempt,
            code=error.code,
            hint=error.hint,
        )
    outcome = "failed" if retry_in is None else "retried"
    end_attempts(session, steps, at, outcome, error=error, log=log)
    return bool(steps)


def release(session: Session, claim: Claim) -> bool:
    """Give the steps back unharmed, for a worker that is stopping: the try does not count.

    False when they are no longer ours.
    """
    steps = _ours(session, claim)
    free(session, steps, "released", uncount=True)
    return bool(steps)


def postpone(session: Session, claim: Claim, retry_in: timedelta, why: str) -> None:
    """Give the steps back to be tried once more a little later: the try does not count.

    The caller has its message sent again.
    """
    steps = _ours(session, claim)
    free(session, steps, "released", uncount=True)
    at = now(session)
    for step in steps:
        step.job.published_at, step.retry_at = at, at + retry_in
        # In whole seconds, as the message is sent.
        later = (
            f"its source was only just written, again in {math.ceil(retry_in.total_seconds())} s"
        )
        message = f"{step.name}: {why.removesuffix('.')}; {later}"
        events.add(session, claim.job_id, "step_postponed", message, attempt=step.attempt)


def reopen(session: Session, job_id: str, names: Sequence[str], reason: str) -> None:
    """Take back steps that were done, because what they made is gone: they may be tried afresh."""
    session.get(Job, job_id, with_for_update=True)
    for step in session.scalars(select(Step).where(Step.job_id == job_id, Step.name.in_(names))):
        step.state = StepState.WAITING
        step.progress, step.tries = 0.0, 0
        step.finished_at = None
        events.add(session, job_id, "step_reopened", f"{step.name}: {reason}")


def _ours(session: Session, claim: Claim) -> list[Step]:
    session.get(Job, claim.job_id, with_for_update=True)
    held = {step.name: step for step in session.scalars(select(Step).where(_held(claim)))}
    return [held[name] for name in claim.names if name in held]


def free(session: Session, steps: list[Step], outcome: str, *, uncount: bool = False) -> set[str]:
    """Let these claimed steps wait again, whose attempts end as `outcome`; their jobs are locked.

    Returns the ids of the jobs.
    """
    at = now(session)
    if uncount:
        idling.count(session, steps, counts=False)
    for step in steps:
        step.state = StepState.WAITING
        step.lease_until = None
        step.progress = 0.0
        # The message that carried it may be gone with its worker: a new one is owed.
        step.job.published_at = None
        message = f"{step.name} was given back" if uncount else f"{step.name} lost its worker"
        events.add(session, step.job_id, f"step_{outcome}", message, attempt=step.attempt)
    end_attempts(session, steps, at, outcome)
    return {step.job_id for step in steps}


def end_attempts(
    session: Session,
    steps: Sequence[Step],
    at: datetime,
    outcome: str,
    *,
    error: ReelworksError | None = None,
    log: str = "",
) -> None:
    """Note how the open attempts at these steps ended."""
    session.execute(
        update(Attempt)
        .where(Attempt.step_id.in_([step.id for step in steps]), Attempt.finished_at.is_(None))
        .values(
            finished_at=at,
            outcome=outcome,
            error_code=error.code if error else None,
            error_message=error.message if error else None,
            error_hint=error.hint if error else None,
            log=ending(once(log), LOG_LIMIT) or None,
        )
    )
