"""Plans of another version of Reelworks: their jobs are planned again, and nothing else is done."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import workflows
from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.history import jobs, plans, steps
from pipeline.models import Job, JobState, StepState
from pipeline.plan.plan import VERSION
from pipeline.tasks import control
from pipeline.tasks.control import reconcile
from pipeline.tasks.finalise import finalise
from pipeline.tasks.step import perform
from pipeline.workflows import Todo
from tests.integration.tasks.journeys import age, claimed_in, published

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime


@pytest.mark.parametrize("plan", [{"version": 0}, {"version": VERSION, "source": "?"}])
@pytest.mark.parametrize("lost", [False, True], ids=["owed", "lost"])
def test_a_job_with_a_plan_of_another_version_is_planned_again(
    ready: Runtime,
    new_job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    plan: dict[str, Any],
    lost: bool,
) -> None:
    canvases: list[Todo] = []

    def journey(todo: Todo) -> Any:
        canvases.append(todo)
        return SimpleNamespace(apply_async=lambda **_: None)

    monkeypatch.setattr(workflows, "journey", journey)
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 0)
    job = old_plan(ready, new_job(), plan)
    if lost:
        published(ready, job)
        age(ready, job, timedelta(minutes=2))
    reconcile()
    (todo,) = canvases
    assert not todo.planned
    assert todo.steps == {"probe", "thumbnail", "manifest"}
    with ready.db.read() as session:
        row = jobs.get(session, job.id)
        assert (row.plan, row.published_at is None) == (None, False)
        assert {step.state for step in row.steps} == {StepState.WAITING}


def old_plan(ready: Runtime, job: Job, plan: dict[str, Any]) -> Job:
    """Give the job a plan, and steps of it, that another version of Reelworks made."""
    with ready.db.begin() as session, steps.publishing(session, claimed_in(session, job)) as row:
        units = [("all", ["rendition:720p"])]
        plans.record_plan(session, row, plan, duration_s=1.0, size=(64, 36), units=units)
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
        jobs.unpublish(session, job.id)
    return job


def test_an_old_message_for_a_job_of_an_old_plan_claims_nothing(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("pipeline.tasks.step.send_resume", sent.append)
    job = old_plan(ready, new_job(), {"version": 0})
    task: Any = SimpleNamespace(request=SimpleNamespace(hostname="n", id="t"))
    done = perform(task, job.id, ("thumbnail",), lambda _work: pytest.fail("it was done"))
    assert done == "to be planned again"
    assert sent == [job.id]
    with ready.db.read() as session:
        row = jobs.get(session, job.id)
        assert {step.name: step.attempt for step in row.steps} == {
            "probe": 1,
            "thumbnail": 0,
            "manifest": 0,
        }


def test_a_failed_job_of_an_old_plan_is_retried_from_its_beginning(
    ready: Runtime,
    new_job: Callable[..., Job],
    launched: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflows, "launch", launched.append)
    job = old_plan(ready, new_job(profile="quick"), {"version": 0})
    finalise(ready, job.id, JobState.FAILED, error=ReelworksError("bad", "Bad."), step="manifest")
    view = workflows.retry(job.id)
    assert {step.name: step.state for step in view.steps} == {
        "probe": "waiting",
        "thumbnail": "waiting",
        "manifest": "waiting",
    }
