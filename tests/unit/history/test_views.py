"""A job as people and programs are shown it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.history.fate import SourceFate, later_fate
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
    ("settled", "fate", "deleted", "words"),
    [
        (NOW, "deleted", True, " (deleted)"),
        (NOW, "replaced", False, " (another file is there now)"),
        (NOW, "moved", False, " (moved here)"),
        (NOW, None, False, ""),
        (None, "moved", False, ""),  # by a former run: this one has not ended
    ],
)
def test_what_became_of_a_source_is_told_once_it_was_seen_to(
    settled: datetime | None, fate: str | None, deleted: bool, words: str
) -> None:
    made = job(JobState.SUCCEEDED, on_success="delete", settled_at=settled, source_fate=fate)
    source = job_view(made).source
    assert (source.deleted, source.fate_words) == (deleted, words)
    assert source.fate == (fate if settled else None)
    assert "fate_words" not in source.model_dump()


@pytest.mark.parametrize(
    ("former", "found", "fate"),
    [
        (None, "kept", "kept"),
        ("moved", "kept", "moved"),
        ("deleted", "gone", "deleted"),
        ("moved", "gone", "gone"),
        ("gone", "kept", "kept"),
        ("kept", "replaced", "replaced"),
        ("moved", None, None),
    ],
)
def test_what_is_found_of_a_source_is_joined_to_what_became_of_it_before(
    former: str | None, found: str | None, fate: str | None
) -> None:
    assert later_fate(former, SourceFate(found) if found else None) == fate


def test_durations_are_told_in_milliseconds() -> None:
    told = job_view(job(JobState.SUCCEEDED, source_duration_s=14.033333333333333))
    assert told.source.duration == 14.033
    assert job_view(job(JobState.QUEUED)).source.duration is None
