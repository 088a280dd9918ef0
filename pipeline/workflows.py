"""The journey of a job as Celery canvases: chain(probe → thumbnail → group(renditions) → manifest).

Of a source that is cut it is chain(probe → thumbnail → group(ranges), then join → manifest).

A canvas holds only what the database says is not done, so it can be built and published again at
any moment: whatever is on the broker already finds its step claimed or done, and does nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from celery import chain, group, signature

from pipeline.app import (
    PUBLISH_RETRY,
    app,
    broker_priority,
    broker_refusal,
    chords_work,
    runtime,
)
from pipeline.errors import TransientError
from pipeline.history import holding, jobs
from pipeline.history.errors import WrongState
from pipeline.ingest.mended import take_mended
from pipeline.ingest.results import results_gone
from pipeline.models import JobState, StepKind, StepState
from pipeline.queues import encode_queue
from pipeline.refusing import refusal
from pipeline.tasks.capacity import replan_lost_hardware
from pipeline.tasks.finalise import finalise
from pipeline.tasks.hours import keep_hours
from pipeline.tasks.manifest import manifest
from pipeline.tasks.origin import Origin
from pipeline.tasks.planned import PlanOutdated, plan_again_if_outdated, stored_plan
from pipeline.tasks.probe import probe
from pipeline.tasks.rendition import rendition
from pipeline.tasks.thumbnail import thumbnail
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from celery.canvas import Signature
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.views import JobView
    from pipeline.models import Job
    from pipeline.settings.profiles import Profile

logger = logging.getLogger(__name__)

#: How a job ended, as the end of a sentence about it.
HOW_ENDED = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was cancelled",
    JobState.EXPIRED: "expired",
}


@dataclass(frozen=True)
class Todo:
    """What a canvas is built from: the job, and the names of its steps that are not done.

    `units` are (name, capability, steps not done); empty while there is no plan.
    """

    job_id: str
    deadline_at: datetime
    priority: int
    steps: frozenset[str]
    planned: bool
    units: tuple[tuple[str, str, tuple[str, ...]], ...]
    #: Whether the renditions are still to be joined once these units are done.
    parts: bool = False
    #: Whether the renditions wait for their hours.
    held: bool = False
    #: The tag that the workers of the units must have.
    tag: str | None = None


def journey(todo: Todo) -> Signature | None:
    """Build the canvas of what is not done; None when all of that waits.

    The group's members are known once the probe has planned them: until then the canvas is
    `chain(probe → resume)`, and `resume` publishes the rest. Outside the hours of heavy work the
    canvas ends before them, and the reconciler publishes the rest when they begin.
    """
    if not todo.planned:
        return chain(_do(probe.si(todo.job_id), todo), resume(todo))
    renditions = [
        _do(rendition.si(todo.job_id, unit, list(steps)), todo, encode_queue(capability, todo.tag))
        for unit, capability, steps in todo.units
    ]
    last = _do(manifest.si(todo.job_id), todo)
    links = [_do(thumbnail.si(todo.job_id), todo)] if "thumbnail" in todo.steps else []
    if todo.held:
        return chain(*links) if links else None
    if not renditions:
        return chain(*links, last)
    alone = len(renditions) == 1
    if alone or todo.parts:
        # Only a group's callback needs results, and results need the result backend to publish.
        for one in renditions:
            one.options["ignore_result"] = True
    if alone:
        return chain(*links, renditions[0], resume(todo) if todo.parts else last)
    if chords_work() and not todo.parts:
        return chain(*links, group(renditions), last)
    # The last to end is followed by what is next, the others by nothing: without chords, and where
    # ranges are joined. A callback would never come when a worker was lost in the middle, and its
    # part is made by another.
    return chain(*links, group(chain(one, resume(todo)) for one in renditions))


def resume(todo: Todo) -> Signature:
    """Build the control task that looks what a job needs next, and also serves as errback."""
    task = signature("pipeline.resume", args=(todo.job_id,), immutable=True, app=app)
    return task.set(queue="control")


def _do(task: Signature, todo: Todo, queue: str | None = None) -> Signature:
    # Expiry is set on each task: apply_async on a chain gives it to the first one only.
    task.set(expires=todo.deadline_at, priority=broker_priority(todo.priority))
    return task.set(queue=queue) if queue else task


def launch(job_id: str) -> bool:
    """Publish the canvas of what the job still needs; True when it reached the broker.

    Does nothing for a job that has ended. When the broker can't be reached the job stays owed to
    it, and the reconciler publishes it later. Raises `JobNotFound`.
    """
    ready = runtime()
    todo = ready.db.write(partial(_marked_published, ready, job_id))
    if todo is None:
        return False
    canvas = journey(todo)
    if canvas is None:
        return True
    try:
        canvas.apply_async(
            link_error=resume(todo),
            expires=todo.deadline_at,
            retry=True,
            retry_policy=PUBLISH_RETRY,
        )
    except Exception as problem:  # noqa: BLE001 - whatever it was, the job is owed to the broker
        why = refusal(problem)
        told = problem if why is None else f"{why.message} {why.hint}"
        logger.warning("job %s is recorded, but not yet on the broker: %s", job_id, told)
        ready.db.write(partial(jobs.unpublish, job_id=job_id))
        return False
    return True


def _marked_published(ready: Runtime, job_id: str, session: Session) -> Todo | None:
    """Note that the job's canvas is published, and read what that is of; None when it has ended."""
    job = jobs.get(session, job_id, lock=True)
    plan_again_if_outdated(session, job, ready.settings.pipeline.tags)
    if jobs.mark_published(session, job_id) is None:
        return None
    replan_lost_hardware(session, job)
    todo = todo_of(job)
    # Also a job that has nothing heavy left to do is held no longer.
    todo = replace(todo, held=bool(todo.units) and keep_hours(ready, session, job))
    if not todo.held:
        holding.release(session, job)
    return todo


def todo_of(job: Job) -> Todo:
    """Read from the job's rows what is not done. Raises `PlanOutdated`."""
    waiting = frozenset(step.name for step in job.steps if step.state is not StepState.DONE)
    plan = stored_plan(job)
    units = () if plan is None else plan.units
    left = (
        (unit.name, unit.capability, tuple(step for step in unit.steps if step in waiting))
        for unit in units
    )
    todo = [unit for unit in left if unit[2]]
    join = {unit.name for unit in units if unit.kind == "join"}
    parts = bool(join) and any(name not in join for name, _, _ in todo)
    return Todo(
        job_id=job.id,
        deadline_at=job.deadline_at,
        priority=job.priority,
        steps=waiting,
        planned=plan is not None and StepKind.PROBE.value not in waiting,
        units=tuple(unit for unit in todo if not (parts and unit[0] in join)),
        parts=parts,
        tag=job.tag,
    )


def retry(job_id: str, *, force: bool = False) -> JobView:
    """Run an ended job again: what was done and is still there is kept, unless the profile changed.

    A job that succeeded runs again when its results are gone, its profile changed since, or
    with `force`. Raises `JobNotFound`, `WrongState` (it has not ended, or has succeeded and there
    is nothing to do), `MediaError` (`source_gone`: it can't be made again) and
    `ConfigurationError` (its profile is no longer there, or its sidecar is still wrong).
    """
    ready = runtime()
    full_id = ready.db.write(partial(reopen, ready, job_id, force=force))
    launch(full_id)
    with ready.db.read() as session:
        return jobs.view(session, full_id)


def reopen(ready: Runtime, job_id: str, session: Session, *, force: bool = False) -> str:
    """Open an ended job again as `retry` does, and give its whole id; it is still to be published.

    Raises as `retry` does.
    """
    paths = ready.settings.pipeline.paths
    full_id = jobs.find(session, job_id).id
    job = jobs.get(session, full_id, lock=True)
    take_mended(session, ready.settings, job)
    folder = Workspace(paths.work, paths.library, full_id).folder
    changed = force or _plan_changed(job, ready.settings.profile(job.profile))
    rebuild = changed or results_gone(job, paths.library)
    if rebuild and job.state is JobState.SUCCEEDED:
        Origin.of(job).checked()
    afresh = changed or not folder.is_dir()
    deadline = ready.settings.pipeline.limits.deadline
    jobs.reopen(session, full_id, deadline, afresh=afresh, rebuild=rebuild)
    return full_id


def _plan_changed(job: Job, profile: Profile) -> bool:
    try:
        plan = stored_plan(job)
    except PlanOutdated:
        return True
    return plan is None or plan.profile != profile


def cancel(job_id: str) -> JobView:
    """End a job now: a running encode finds out at its next heartbeat and stops.

    Raises `JobNotFound` and `WrongState` (it has ended already).
    """
    ready = runtime()
    with ready.db.read() as session:
        job = jobs.view(session, job_id)
    if not finalise(ready, job.id, JobState.CANCELLED):
        with ready.db.read() as session:
            job = jobs.view(session, job.id)
        raise WrongState(
            f"Job {job.short_id} has ended already: it {HOW_ENDED[JobState(job.state)]}.",
            "Only what waits or runs can be cancelled.",
        )
    with ready.db.read() as session:
        return jobs.view(session, job.id)


def unreachable(job_id: str) -> TransientError:
    """Say that a job is recorded but the broker did not take its canvas."""
    refused = broker_refusal()
    if refused is not None:
        return TransientError(
            refused.code, f"Job {job_id} is recorded, but: {refused.message}", refused.hint
        )
    return TransientError(
        "unreachable",
        f"Job {job_id} is recorded, but the broker can't be reached.",
        "Start the system with `reelworks up` (or the broker): the job then starts by itself.",
    )
