"""How long a job still takes is told only when it can be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.history.remaining import remaining_s
from pipeline.models import Attempt, Job, Step, StepKind, StepState

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def rendition(
    state: StepState, progress: float, worked_s: float, *, claims: int = 1, tries: int = 1
) -> Step:
    """A step that was claimed so often, an hour apart, of which some counted as tries."""
    began = NOW - timedelta(seconds=worked_s)
    return Step(
        kind=StepKind.RENDITION,
        state=state,
        progress=progress,
        tries=tries,
        started_at=began - timedelta(hours=claims - 1),
        attempts=[
            Attempt(started_at=began - timedelta(hours=ago)) for ago in reversed(range(claims))
        ],
    )


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([], None),
        ([rendition(StepState.RUNNING, 0.5, 100)], 120.0),
        ([rendition(StepState.RUNNING, 0.5, 100, claims=2, tries=2)], 120.0),
        # Its first worker was killed while it waited.
        ([rendition(StepState.RUNNING, 0.5, 100, claims=2)], 120.0),
        # Its job was begun again as it was looked at.
        ([rendition(StepState.RUNNING, 0.5, 100, claims=0)], None),
        ([rendition(StepState.RUNNING, 0.01, 100)], None),
        ([rendition(StepState.RUNNING, 0.5, 2)], None),
        ([rendition(StepState.DONE, 1.0, 100)], None),
        ([rendition(StepState.RUNNING, 0.5, 100), rendition(StepState.WAITING, 0, 0)], None),
        ([rendition(StepState.RUNNING, 0.5, 100), rendition(StepState.RUNNING, 0.25, 100)], 340.0),
    ],
)
def test_what_remains(steps: list[Step], left: float | None) -> None:
    assert remaining_s(Job(steps=steps, touched_at=NOW)) == left
