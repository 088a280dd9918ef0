"""What to do with a job that has not ended: a pure decision, for whoever looks after jobs."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.history.steps import is_live
from pipeline.models import ENCODING, JobState, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.history.queued import Queued
    from pipeline.models import Job

#: A job this quiet, while its queue is empty, has lost its message: whoever takes one claims its
#: step at once, also on a busy machine. Should that once take longer, it costs one refused claim.
QUIET = timedelta(seconds=20)
#: The same where a worker was just started anew: what its former self had taken and not yet begun
#: is lost with that, where the broker does not hand it on.
TAKEN = timedelta(seconds=5)
#: A job this quiet is published again though its queue is not empty; doubled each time, since
#: a long queue is the likelier reason. A needless message costs one refused claim.
VERY_QUIET = timedelta(minutes=15)
#: How late a retry may be before its message counts as lost.
RETRY_GRACE = timedelta(seconds=30)
#: A retry further ahead than this, longer than any wait, was planned before the clock was set back.
RETRY_AHEAD = timedelta(minutes=15)
#: A step sent away the moment before may still be on its way to the broker.
PUBLISHING = timedelta(seconds=5)


class Decision(enum.Enum):
    """What a job needs."""

    NOTHING = "it is being worked on, or waits for its turn or its hours"
    PUBLISH = "its canvas is owed to the broker"
    PUBLISH_IF_QUEUE_EMPTY = "its message is lost, unless it waits in a long queue"
    FREE = "a step's worker was lost with it"
    FAIL = "a step has failed for good"
    EXHAUST = "a step was lost as often as it may be tried"
    EXPIRE = "its deadline has passed"
    SUCCEED = "every step is done"
    HELD = "it waits until its source is whole"


def decide(
    job: Job, at: datetime, limit: int, *, closed: bool = False, quiet: timedelta = QUIET
) -> Decision:
    """Decide what the job needs at the moment `at`; `limit` is how often a step may be tried.

    `closed` says that heavy work is not to be done now: a job that is held for it waits on.
    `quiet` is how long a job with an empty queue may be so before its message counts as lost.
    """
    if job.state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED):
        return Decision.NOTHING
    if any(step.state is StepState.FAILED for step in job.steps):
        return Decision.FAIL
    if all(step.state is StepState.DONE for step in job.steps):
        return Decision.SUCCEED
    if any(is_live(step, at) for step in job.steps):
        return Decision.NOTHING
    if at >= job.deadline_at:
        return Decision.EXPIRE
    if job.held_at is not None:
        return Decision.HELD
    if any(step.tries >= limit for step in job.steps if step.state is not StepState.DONE):
        return Decision.EXHAUST
    if any(step.state is StepState.RUNNING for step in job.steps):
        return Decision.FREE  # not live: the lease has lapsed
    if job.waits_until is not None and job.published_at is not None:
        return Decision.NOTHING if closed else Decision.PUBLISH
    return _publication(job, at, quiet)


def sure_of(
    waiting: Sequence[Queued],
    at: datetime,
    depth: Callable[[StepKind, str | None], int | None],
    quiet: timedelta = QUIET,
) -> set[str]:
    """Name the jobs that need nothing, without looking at each of them.

    They were touched just now, or as many messages wait for their kind of step as jobs do: then no
    message is lost. `depth` counts those messages, of encodes those that need one tag: a worker
    that has another may never come, and messages of jobs that have ended lie there until then.
    None where that says nothing about the jobs.
    """
    # Touched in the future: then the clock was set back, and nothing is known.
    sure = {one.job_id for one in waiting if abs(at - one.touched_at) <= quiet}
    together: dict[tuple[bool, str | None], list[Queued]] = {}
    for one in waiting:
        encodes = one.kind in ENCODING
        together.setdefault((encodes, one.tag if encodes else None), []).append(one)
    for (_, tag), others in together.items():
        due = [one for one in others if one.job_id not in sure]
        wanted = sum(one.messages for one in others)
        there = depth(due[0].kind, tag) if due else None
        if there is not None and there >= wanted:
            sure |= {one.job_id for one in due}
    return sure


def _publication(job: Job, at: datetime, quiet: timedelta) -> Decision:
    if job.published_at is None:
        age = at - job.created_at
        fresh = job.publish_count == 0 and timedelta(0) <= age < PUBLISHING
        return Decision.NOTHING if fresh else Decision.PUBLISH
    retries = [
        step.retry_at for step in job.steps if step.retry_at and step.state is StepState.WAITING
    ]
    if retries and at < max(retries) + RETRY_GRACE and max(retries) < at + RETRY_AHEAD:
        return Decision.NOTHING
    silence = at - job.touched_at
    if silence < -QUIET:
        # The clock was set back: how long it has been quiet is not known, and asking is cheap.
        return Decision.PUBLISH_IF_QUEUE_EMPTY
    if silence > VERY_QUIET * 2 ** min(job.publish_count - 1, 6):
        return Decision.PUBLISH
    return Decision.PUBLISH_IF_QUEUE_EMPTY if silence > quiet else Decision.NOTHING
