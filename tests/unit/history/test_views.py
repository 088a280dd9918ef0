"""A job's state in a word for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.history.views import job_view
from pipeline.models import Job, JobState, Step, StepKind, StepState

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(state: JobState, *steps: StepState, **facts: Any) -> Job:
    rows = [
        Step(name=f"s{place}", kind=StepKind.RENDITION, state=step, attempt=1, progress=0.0)
        for place, step in enumerate(steps)
    ]
    usual: dict[str, Any] = {
        "id": "a" * 32,
        "profile": "web",
        "priority": 5,
        "run": 1,
        "source_path": "/in/a.mp4",
        "original_path": "/in/a.mp4",
        "source_bytes": 1,
        "fingerprint": "f",
        "on_success": "keep",
        "created_at": NOW,
        "deadline_at": NOW,
    }
    return Job(**{**usual, **facts}, state=state, steps=rows)


@pytest.mark.parametrize(
    ("state", "steps", "shown"),
    [
        (JobState.QUEUED, (StepState.WAITING,), "queued"),
        (JobState.RUNNING, (StepState.DONE, StepState.WAITING), "waiting"),
        (JobState.RUNNING, (StepState.RUNNING, StepState.WAITING), "running"),
        (JobState.SUCCEEDED, (StepState.DONE,), "succeeded"),
    ],
)
def test_a_job_of_which_no_step_runs_waits(
    state: JobState, steps: tuple[StepState, ...], shown: str
) -> None:
    view = job_view(job(state, *steps))
    assert view.shown_state == shown
    assert view.state == state.value
    assert "shown_state" not in view.model_dump()


@pytest.mark.parametrize(
    ("state", "on_success", "settled", "deleted"),
    [
        (JobState.SUCCEEDED, "delete", NOW, True),
        (JobState.SUCCEEDED, "delete", None, False),
        (JobState.SUCCEEDED, "archive", NOW, False),
        (JobState.FAILED, "delete", NOW, False),
    ],
)
def test_a_source_that_was_deleted_is_said_to_be(
    state: JobState, on_success: str, settled: datetime | None, deleted: bool
) -> None:
    view = job_view(job(state, on_success=on_success, settled_at=settled))
    assert view.source.deleted is deleted
