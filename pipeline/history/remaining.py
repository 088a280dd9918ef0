"""Remaining: how far a job's steps are, and how long it may still take at the speed it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pipeline.models import JobState, StepKind, StepState

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
#: How much of a job's work each kind of step is, for one number between 0 and 1.
WEIGHTS = {
    StepKind.PROBE: 1.0,
    StepKind.THUMBNAIL: 3.0,
    StepKind.RENDITION: 86.0,
    StepKind.MANIFEST: 10.0,
}


class _Progressing(Protocol):
    """What of a step tells how far it is."""

    @property
    def kind(self) -> StepKind: ...
    @property
    def position(self) -> int: ...
    @property
    def state(self) -> StepState: ...
    @property
    def progress(self) -> float: ...


_Step = TypeVar("_Step", bound=_Progressing)


def progress(state: JobState, steps: Sequence[_Progressing]) -> float:
    """Weigh a job's steps into one number between 0 and 1; 1 only for a job that succeeded."""
    if state is JobState.SUCCEEDED:
        return 1.0
    total = 0.0
    for kind, weight in WEIGHTS.items():
        shares = [share(step, steps) for step in steps if step.kind is kind]
        if shares:
            total += weight * sum(shares) / len(shares)
    return round(min(total / sum(WEIGHTS.values()), 0.999), 4)


def share(step: _Progressing, steps: Sequence[_Progressing]) -> float:
    """Tell how much of one of a job's steps is done, 0 to 1.

    Of one that joins ranges, by how much of those is done.
    """
    if step.state is StepState.DONE:
        return 1.0
    if not _joins(step):
        return step.progress
    ranges = _ranges(steps)
    if not ranges:
        return step.progress
    return _mean(ranges) * (1 - JOINING) + step.progress * JOINING


def remaining_s(job: Job) -> float | None:
    """Estimate how long the job still takes, seconds; None while that can't be told.

    It is told while renditions are encoded and none still waits for a worker; or ranges are, all
    together as fast as until now. The moment of the last heartbeat stands for now: progress was
    told then.
    """
    ranges = _ranges(job.steps)
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


def _ranges(steps: Sequence[_Step]) -> list[_Step]:
    return [step for step in steps if step.kind is StepKind.RANGE]


def _joins(step: _Progressing) -> bool:
    return step.kind is StepKind.RENDITION and step.position == StepKind.RENDITION.position


def _mean(steps: Sequence[_Progressing]) -> float:
    done = (1.0 if step.state is StepState.DONE else step.progress for step in steps)
    return sum(done) / len(steps)


def _of_ranges(ranges: Sequence[Step], at: datetime) -> float | None:
    began = min((step.started_at for step in ranges if step.started_at is not None), default=None)
    if began is None or all(step.state is not StepState.RUNNING for step in ranges):
        return None
    return _at_this_speed(_mean(ranges), (at - began).total_seconds())


def _left_s(step: Step, at: datetime) -> float | None:
    if step.progress < LEAST_SHARE or not step.attempts:
        return None
    return _at_this_speed(step.progress, (at - step.attempts[-1].started_at).total_seconds())


def _at_this_speed(done: float, worked_s: float) -> float | None:
    if done < LEAST_SHARE or worked_s < LEAST_S:
        return None
    return round(worked_s / done * (1 - done + PACKAGING), 1)
