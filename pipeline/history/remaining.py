"""Remaining: how long a job may still take, told from how fast its renditions move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.models import StepKind, StepState

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.models import Job, Step

#: Below this share and this many seconds of work nothing can be told from it.
LEAST_SHARE = 0.02
LEAST_S = 5.0
#: How long packaging takes, as a share of the encode.
PACKAGING = 0.1


def remaining_s(job: Job) -> float | None:
    """Estimate how long the job still takes, seconds; None while that can't be told.

    It is told while renditions are encoded and none still waits for a worker. The moment of the
    last heartbeat stands for now: progress was told then.
    """
    renditions = [step for step in job.steps if step.kind is StepKind.RENDITION]
    running = [step for step in renditions if step.state is StepState.RUNNING]
    if not running or any(
        step.state in (StepState.WAITING, StepState.FAILED) for step in renditions
    ):
        return None
    left = [_left_s(step, job.touched_at) for step in running]
    known = [one for one in left if one is not None]
    return max(known) if len(known) == len(left) else None


def _left_s(step: Step, at: datetime) -> float | None:
    began = step.attempts[-1].started_at if step.tries > 1 else step.started_at
    worked_s = (at - began).total_seconds() if began is not None else 0.0
    if step.progress < LEAST_SHARE or worked_s < LEAST_S:
        return None
    whole_s = worked_s / step.progress
    return round(whole_s * (1 - step.progress + PACKAGING), 1)
