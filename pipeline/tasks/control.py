"""Control: look after jobs. Nothing here waits for media work, and it has a worker of its own."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from celery.signals import task_failure, task_revoked, worker_ready

from pipeline.app import app, broker_is_redis, queue_depth, runtime
from pipeline.errors import ReelworksError
from pipeline.history import freeing, jobs, outbox
from pipeline.history.database import now
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.history.patience import unless_full
from pipeline.history.queued import queued
from pipeline.history.repair import QUIET, TAKEN, Decision, decide, sure_of
from pipeline.media.errors import source_gone
from pipeline.models import ENCODING, JobState, StepKind, StepState
from pipeline.plan.hardware import KINDS
from pipeline.queues import encode_queue
from pipeline.tasks.capacity import capability_of, lost_hardware
from pipeline.tasks.explain import exhausted, expired
from pipeline.tasks.finalise import finalise, settle_job
from pipeline.tasks.hours import at_rest, held, waits_until
from pipeline.tasks.lacking import look_for_tags
from pipeline.tasks.owner import is_dead, role_of
from pipeline.tasks.planned import why_outdated
from pipeline.tasks.resumption import send_look, send_reconcile, send_resume
from pipeline.tasks.timed import Timed, Told
from pipeline.workflows import launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job, Step

logger = logging.getLogger(__name__)


@app.task(name="pipeline.resume", ignore_result=True, throws=(DatabaseFull,))
def resume(job_id: str) -> str:
    """See what one job needs, and do it: it follows a probe, and is the errback of every canvas.

    As errback it runs on the control queue: it is never called inside a failing worker.
    """
    return repair(runtime(), job_id, after_step=True)


@app.task(base=Timed, name="pipeline.reconcile", ignore_result=True)
def reconcile(*, worker_began: bool = False) -> Told:
    """Repair every job: lapsed leases, passed deadlines, lost messages, owed moves and alerts.

    `worker_began` says that a worker was just started: a former one may have taken messages along.
    """
    ready = runtime()
    quiet = TAKEN if worker_began else QUIET
    limit = ready.settings.pipeline.limits.attempts
    ready.schedules.settled()  # before the transactions, which wait for nothing
    with ready.db.read() as session:
        at = now(session)
        unfinished, unsettled = jobs.to_look_after(session), jobs.unsettled(session)
        waiting = queued(session, at, limit)
        resting = at_rest(ready, session, at)
        alerts = outbox.pending(session)
    depth = lru_cache(queue_depth)  # asked once a queue, however many jobs are quiet
    # Of ten thousand jobs that wait in a queue none is read one by one.
    sure = sure_of(waiting, at, partial(_messages, depth), quiet) | resting
    for job_id in unfinished:
        if job_id not in sure:
            _apart(job_id, partial(repair, ready, job_id, depth=depth, quiet=quiet))
    look_for_tags(ready)
    for job_id in unsettled:
        _apart(job_id, partial(settle_job, ready, job_id))
    if alerts:
        app.send_task("pipeline.notify", ignore_result=True)
    return Told(f"{len(unfinished)} unfinished jobs looked after", {"unfinished": len(unfinished)})


def _messages(depth: Callable[[str], int], kind: StepKind, tag: str | None) -> int | None:
    """Count the messages of a kind of step, of encodes those that need the tag.

    None when some may wait where nobody takes them, or the tag is no longer there.
    """
    if kind not in ENCODING:
        return depth("package") + depth("probe")
    gone = tag is not None and tag not in runtime().settings.pipeline.tags
    if gone or any(depth(encode_queue(kind, tag)) for kind in KINDS):
        return None
    return depth(encode_queue("cpu", tag))


def _apart(job_id: str, act: Callable[[], object]) -> None:
    """Do it so that what is wrong with one job keeps nothing from the others."""
    try:
        act()
    except (DatabaseUnreachable, DatabaseFull):
        raise  # that concerns all of them
    except Exception:
        logger.exception("job %s can't be looked after now", job_id)


def repair(
    ready: Runtime,
    job_id: str,
    *,
    after_step: bool = False,
    depth: Callable[[str], int] | None = None,
    quiet: timedelta = QUIET,
) -> str:
    """Decide what the job needs, and do it; returns what was decided, for the log.

    `after_step` says that the caller is what follows a step, so a message that carried the job
    has just ended: when nobody works on the job, its next canvas is due at once. `depth` tells
    how many messages wait in a queue; `quiet` as for `decide`.
    """
    look = partial(_look, ready, job_id, depth or queue_depth, after_step=after_step, quiet=quiet)
    decision = look()
    if decision is Decision.FREE and ready.db.was_full_lately():
        return Decision.NOTHING.value  # whoever holds it may just not have been able to say so
    if decision is Decision.FREE:
        full_at = ready.db.last_full()
        ready.db.write(partial(freeing.release_lapsed, job_id=job_id, full_at=full_at))
        decision = look()
    if decision is not Decision.NOTHING:
        logger.info("job %s: %s", job_id, decision.value)
    return decision.value


def _look(
    ready: Runtime,
    job_id: str,
    depth: Callable[[str], int],
    *,
    after_step: bool,
    quiet: timedelta,
) -> Decision:
    with ready.db.read() as session:
        job = jobs.get(session, job_id)
        at, limit = now(session), ready.settings.pipeline.limits.attempts
        closed = waits_until(ready, job, at) is not None
        decision = decide(job, at, limit, closed=closed, quiet=quiet)
        if after_step and decision is Decision.NOTHING and _between_steps(job):
            decision = Decision.PUBLISH
        if decision is Decision.PUBLISH_IF_QUEUE_EMPTY and (
            why_outdated(job, ready.settings.pipeline.tags) or lost_hardware(session, job)
        ):
            # It is planned again first, or its message waits where nobody will take it.
            decision = Decision.PUBLISH
        _act(ready, job, decision, depth)
        overdue = job.waits_until is not None and job.waits_until <= at
    if closed and overdue and decision is Decision.NOTHING:
        held(ready, job_id)  # its hours were changed meanwhile: it waits for the new ones
    return decision


def _between_steps(job: Job) -> bool:
    """Whether nobody is about to do the job's next step.

    Steps that run, wait for a retry, or belong to a group of which others are still queued have
    a message of their own.
    """
    groups: dict[int, set[StepState]] = {}
    for step in job.steps:
        if step.kind in ENCODING:
            groups.setdefault(step.position, set()).add(step.state)
    return (
        not job.state.terminal
        and all(len(states) == 1 for states in groups.values())  # all waiting, or all done
        and all(
            step.state is StepState.DONE
            or (step.state is StepState.WAITING and step.retry_at is None)
            for step in job.steps
        )
    )


def _act(ready: Runtime, job: Job, decision: Decision, depth: Callable[[str], int]) -> None:
    end = partial(finalise, ready, job.id, run=job.run)
    match decision:
        case Decision.PUBLISH:
            launch(job.id)
        case Decision.PUBLISH_IF_QUEUE_EMPTY:
            if depth(_queue_of_next(job)) == 0:
                launch(job.id)
        case Decision.FAIL:
            step, error = _failure(job)
            end(JobState.FAILED, error=error, step=step.name)
        case Decision.EXHAUST:
            name = _next(job).name
            end(JobState.FAILED, error=exhausted(name), step=name)
        case Decision.EXPIRE:
            name = _next(job).name
            end(JobState.EXPIRED, error=expired(), step=name)
        case Decision.SUCCEED:
            end(JobState.SUCCEEDED)
        case Decision.HELD:
            _look_for_source(job, end)
        case Decision.NOTHING | Decision.FREE:
            pass


def _look_for_source(job: Job, end: Callable[..., bool]) -> None:
    """Have the source looked at that a job waits for; end the job when that is gone."""
    if not os.path.lexists(job.source_path):
        end(JobState.FAILED, error=source_gone(job.source_path), step=_next(job).name)
        return
    send_look(job.source_path)


def _next(job: Job) -> Step:
    return next(step for step in job.steps if step.state is not StepState.DONE)


def _queue_of_next(job: Job) -> str:
    step = _next(job)
    if step.kind in ENCODING:
        return encode_queue(capability_of(job, step), job.tag)
    return "probe" if step.kind is StepKind.PROBE else "package"


def _failure(job: Job) -> tuple[Step, ReelworksError]:
    step = next(step for step in job.steps if step.state is StepState.FAILED)
    last = step.attempts[-1]
    hint = last.error_hint or ""
    return step, ReelworksError(last.error_code or "internal", last.error_message or "", hint)


@task_revoked.connect
def _expired_in_queue(request: object = None, *, expired: bool = False, **_: object) -> None:
    # A revoked task calls no errback: without this the job would wait for the reconciler.
    job_id = _job_id(getattr(request, "args", None))
    if expired and job_id is not None:
        send_resume(job_id)


@task_failure.connect
def _worker_lost(task_id: str = "", exception: object = None, **_: object) -> None:
    # Runs in the worker's main process when a pool process was killed: what it held is free now,
    # not when the lease lapses.
    if type(exception).__name__ not in ("WorkerLostError", "TimeLimitExceeded"):
        return
    with unless_full("what the lost process held is free when its lease has lapsed"):
        freed = runtime().db.write(partial(freeing.release_task, task_id=task_id))
        for job_id in freed:
            send_resume(job_id)


@worker_ready.connect
def _free_former_self(sender: object = None, **_: object) -> None:
    # What those of our role held of whom nothing is left on this machine: one of two that died may
    # come back by the name of the other. Those beside us live on.
    role = role_of(str(getattr(sender, "hostname", "")))
    with unless_full("what its former self held is free when its lease has lapsed"):
        db = runtime().db
        release = partial(freeing.release_role, role=role, dead=is_dead, full_at=db.last_full())
        freed = db.write(release)
        for job_id in freed:
            send_resume(job_id)
    # Redis keeps what was taken and not begun for days; RabbitMQ has put it back by itself.
    if broker_is_redis(app.conf.broker_url):
        send_reconcile(worker_began=True)


def _job_id(args: object) -> str | None:
    return args[0] if isinstance(args, (list, tuple)) and args else None
