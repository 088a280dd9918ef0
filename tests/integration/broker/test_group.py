"""Several units are a group: where chords work and where not, the job ends as succeeded, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from pipeline.app import chords_work
from pipeline.history import events, jobs
from pipeline.models import OutboxRow, StepKind
from pipeline.plan.encodes import EncodeUnit
from pipeline.plan.names import rendition_step
from pipeline.tasks import ingest, taking
from pipeline.tasks.planned import stored_plan
from pipeline.tasks.probe import probe
from pipeline.tasks.resumption import send_resume
from pipeline.workflows import todo_of
from tests.integration.broker.processes import worker
from tests.integration.broker.test_broker import broker
from tests.media import make_clip
from tests.system import eventually

if TYPE_CHECKING:
    from pipeline.app import Runtime
    from pipeline.history.views import JobView

__all__ = ["broker"]
pytestmark = pytest.mark.service


@pytest.fixture(params=["as given", "rpc://"])
def results(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where results are kept: with RPC nothing can wait for a group."""
    if request.param != "as given":
        monkeypatch.setenv("REELWORKS_RESULTS", request.param)
    return str(request.param)


def planned_in_units(ready: Runtime) -> str:
    """Submit a clip and probe it here; its plan has a unit for each rendition. Returns the id."""
    clip = make_clip(ready.settings.pipeline.watch[0].path / "clip.mp4", seconds=1)
    job_id = ingest.submit_file(clip).job_id
    probe.apply((job_id,), throw=True)
    with ready.db.begin() as session:
        job = jobs.get(session, job_id)
        plan = stored_plan(job)
        assert plan is not None
        names = [one.name for one in plan.renditions]
        units = tuple(EncodeUnit(name=f"only-{name}", renditions=(name,)) for name in names)
        job.plan = plan.model_copy(update={"units": units}).model_dump(mode="json")
        unit_of = {rendition_step(name): f"only-{name}" for name in names}
        for step in job.steps:
            step.unit = unit_of.get(step.name)
        assert len(todo_of(job).units) == len(names) > 1
    return job_id


@pytest.mark.usefixtures("results", "broker")
def test_a_job_of_several_units_succeeds_once(
    results: str, ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "launch", lambda _job_id: None)
    assert chords_work() is not ready.settings.pipeline.results.startswith("rpc")
    assert results == "as given" or not chords_work()
    job_id = planned_in_units(ready)

    def ended() -> JobView | None:
        with ready.db.read() as session:
            view = jobs.view(session, job_id)
        return view if view.ended else None

    with worker(ready, "encode", "package", "control", at_once=2):
        # As after every probe: the group is published by a worker, where Celery keeps its results.
        send_resume(job_id)
        view = eventually(ended, "the job to end")
    assert (view.state, view.error) == ("succeeded", None)
    assert {step.attempts for step in view.steps} == {1}
    assert sum(step.kind == StepKind.RENDITION for step in view.steps) > 1
    with ready.db.read() as session:
        owed = select(func.count()).select_from(OutboxRow).where(OutboxRow.job_id == job_id)
        assert session.scalar(owed) == 1
        told = [event.kind for event in events.since(session, job_id)]
    assert told.count("succeeded") == 1
