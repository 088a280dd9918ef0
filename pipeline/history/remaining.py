"""Remaining: how far a job's steps are, and how long it may still take at the speed it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.models import StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipeline.models import Job, Step

#: Below this share and this many seconds of work nothing can be told from it.
LEAST_SHARE = 0.02
LEAST_S = 5.0
#: How long packaging takes, as a share of the encode.
PACKAGING = 0.1
#: What of a rendition's work it is to join its ranges.
JOINING = 0.05


def share(job: Job, step: Step) -> float:
    """Tell how much of a step is done, 0 to 1; joining ranges, by how much of those is done."""
    if step.state is StepState.DONE:
        return 1.0
    if not _joins(step):
        return step.progress
    ranges = _ranges(job)
    if not ranges:
        return step.progress
    return _mean(ranges) * (1 - JOINING) + step.progress * JOINING


def remaining_s(job: Job) -> float | None:
    """Estimate how long the job still takes, seconds; None while that can't be told.

    It is told while renditions are encoded and none still waits for a worker; or ranges are, all
    together as fast as until now. The moment of the last heartbeat stands for now: progress was
    told then.
    """
    ranges = _ranges(job)
    if any(step.state is not StepState.DONE for step in ranges):
        return _of_ranges(ranges, job.touched_at)
    renditions = [step for step in job.steps if step.kind is StepKind.RENDITION]
    running = [step for step in renditions if step.state is StepState.RUNNING]
    if not running or any(
        step.state in (StepState.WAITING, StepState.FAILED) for step in renditions
    ):
        return None
    left = [_left_s(step, job.touched_at) for step in running]
    known = [one for one in left if one is not None]
    return max(known) if len(known) == len(left) else None


def _ranges(job: Job) -> list[Step]:
    return [step for step in job.steps if step.kind is StepKind.RANGE]


def _joins(step: Step) -> bool:
    return step.kind is StepKind.RENDITION and step.position == StepKind.RENDITION.position


def _mean(steps: Sequence[Step]) -> float:
    done = (1.0 if step.state is StepState.DONE else step.progress for step in steps)
    return sum(done) / len(steps)


def _of_ranges(ranges: Sequence[Step], at: datetime) -> float | None:
    began = min((step.started_at for step in ranges if step.started_at is not None), default=None)
    if began is None or all(step.state is not StepState.RUNNING for step in ranges):
        return None
    return _at_this_speed(_mean(ranges), (at - began).total_seconds())


def _left_s(step: Step, at: datetime) -> float | None:
    began = step.attempts[-1].started_at if step.tries > 1 else step.started_at
    worked_s = (at - began).total_seconds() if began is not None else 0.0
    return _at_this_speed(step.progress, worked_s)


def _at_this_speed(done: float, worked_s: float) -> float | None:
    if done < LEAST_SHARE or worked_s < LEAST_S:
        return None
    return round(worked_s / done * (1 - done + PACKAGING), 1)
