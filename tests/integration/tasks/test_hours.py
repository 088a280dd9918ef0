"""Heavy work waits for its hours: nothing is lost, repaired or expired for waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import workflows
from pipeline.app import app
from pipeline.history import events, holding, jobs
from pipeline.history.database import now
from pipeline.models import JobState
from pipeline.tasks import control
from pipeline.tasks.control import reconcile
from pipeline.tasks.hours import held
from tests.integration.tasks.journeys import do, renditions, row, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.history.views import JobView
    from pipeline.models import Job


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The tasks of each canvas that was published, instead of publishing it."""
    canvases: list[list[str]] = []

    def publish(canvas: Any, **_: Any) -> None:
        canvases.append([task.task for task in getattr(canvas, "tasks", [canvas])])

    monkeypatch.setattr("celery.canvas._chain.apply_async", publish)
    monkeypatch.setattr("celery.canvas.Signature.apply_async", publish)
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 0)
    monkeypatch.setattr("pipeline.tasks.finalise._wake_notifier", lambda: None)
    return canvases


@pytest.fixture
def probed(ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, sent: Any) -> Job:
    job = submitted(tmp_path / "clip.mp4", new_job)
    do(ready, job, "probe")
    return job


def view(ready: Runtime, job: Job) -> JobView:
    with ready.db.read() as session:
        return jobs.view(session, job.id)


def test_by_day_the_poster_is_made_and_the_encodes_wait_for_the_night(
    ready: Runtime, probed: Job, sent: list[list[str]], hours: Callable[[int], datetime]
) -> None:
    before, opens = view(ready, probed), hours(3)
    assert workflows.launch(probed.id)
    assert sent == [["pipeline.thumbnail"]]
    held = view(ready, probed)
    assert (held.waits_until, held.shown_state) == (opens, "waiting")
    waits = opens - datetime.now(UTC)
    put_off = held.deadline_at - before.deadline_at
    assert abs(put_off - waits) < timedelta(minutes=1)
    # Again and again it is the same wait.
    workflows.launch(probed.id)
    reconcile()
    assert view(ready, probed).deadline_at == held.deadline_at


def test_a_job_that_waits_is_neither_repaired_nor_expired(
    ready: Runtime, probed: Job, sent: list[list[str]], hours: Callable[[int], datetime]
) -> None:
    hours(3)
    workflows.launch(probed.id)
    do(ready, probed, "thumbnail")
    sent.clear()
    with ready.db.begin() as session:
        job = jobs.get(session, probed.id, lock=True)
        job.touched_at = job.published_at = now(session) - timedelta(days=2)
    reconcile()
    assert sent == []
    assert view(ready, probed).state == "running"


def test_when_its_hours_begin_the_rest_is_published(
    ready: Runtime, probed: Job, sent: list[list[str]], hours: Callable[[int], datetime]
) -> None:
    hours(3)
    workflows.launch(probed.id)
    do(ready, probed, "thumbnail")
    sent.clear()
    hours(0)
    reconcile()
    assert sent == [["pipeline.rendition", "pipeline.manifest"]]
    assert view(ready, probed).waits_until is None
    assert renditions(ready, probed)
    do(ready, probed, "rendition")
    do(ready, probed, "manifest")
    assert view(ready, probed).state == "succeeded"


def test_what_was_sent_before_the_window_closed_is_held_where_it_is_read(
    ready: Runtime, probed: Job, sent: list[list[str]], hours: Callable[[int], datetime]
) -> None:
    workflows.launch(probed.id)
    do(ready, probed, "thumbnail")
    opens = hours(5)
    assert do(ready, probed, "rendition") == "held until its hours begin"
    assert view(ready, probed).waits_until == opens
    step = row(ready, probed, renditions(ready, probed)[0])
    assert (step.state, step.attempt) == ("waiting", 0)
    # The manifest that follows in the canvas finds that it is too early.
    assert "steps before it are not done" in do(ready, probed, "manifest")


def test_a_window_that_is_taken_away_lets_waiting_jobs_go_on_and_takes_their_time_back(
    ready: Runtime,
    probed: Job,
    sent: list[list[str]],
    hours: Callable[[int], datetime],
    windows: Callable[[str], None],
) -> None:
    before = view(ready, probed).deadline_at
    hours(3)
    workflows.launch(probed.id)
    windows("")
    reconcile()
    assert sent[-1][-1] == "pipeline.manifest"
    assert abs(view(ready, probed).deadline_at - before) < timedelta(minutes=1)
    assert why_on(ready, probed) == "goes on: the hours of heavy work were changed"


def why_on(ready: Runtime, job: Job) -> str:
    with ready.db.read() as session:
        (said,) = [one.message for one in events.since(session, job.id) if one.kind == "goes_on"]
    return said


def test_a_job_that_has_waited_for_as_long_as_it_was_to_says_that_its_hours_have_begun(
    ready: Runtime, probed: Job
) -> None:
    with ready.db.begin() as session:
        job = jobs.get(session, probed.id, lock=True)
        job.waits_until = now(session) - timedelta(seconds=1)
        holding.release(session, job)
    assert why_on(ready, probed) == "goes on: the hours of heavy work have begun"


def test_hours_that_are_changed_meanwhile_let_a_waiting_job_wait_on_and_not_expire(
    ready: Runtime, probed: Job, hours: Callable[[int], datetime]
) -> None:
    hours(2)
    workflows.launch(probed.id)
    with ready.db.begin() as session:
        job = jobs.get(session, probed.id, lock=True)
        # It waited, as it was told to, until a minute ago; nobody looked since.
        gone = now(session) - timedelta(minutes=1) - (job.waits_until or now(session))
        job.waits_until = now(session) - timedelta(minutes=1)
        job.deadline_at += gone
        left = job.deadline_at
    opens = hours(5)
    reconcile()
    with ready.db.read() as session:
        job = jobs.get(session, probed.id)
        assert job.waits_until == opens
        assert job.deadline_at > left + timedelta(hours=4)


def test_a_job_that_waits_can_be_cancelled_and_waits_no_longer(
    ready: Runtime, probed: Job, sent: list[list[str]], hours: Callable[[int], datetime]
) -> None:
    hours(3)
    workflows.launch(probed.id)
    with ready.db.begin() as session:
        assert holding.held(session)[0] == 1
        jobs.end(session, probed.id, JobState.CANCELLED)
        assert holding.held(session) == (0, None)


def test_an_encode_that_is_the_first_to_look_for_hours_holds_to_the_changed_window(
    ready: Runtime, probed: Job, windows: Callable[[str], None]
) -> None:
    windows("{}\n")
    assert not held(ready, probed.id)
    opens = datetime.now(UTC) + timedelta(hours=3)
    window = f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"
    written = ready.settings.config_dir / "schedules.yml"
    written.write_text(f'night: {{task: encode, window: "{window}"}}\n')
    assert held(ready, probed.id)
