"""What Reelworks asks of every broker: urgent work first, retries after a wait, and expiry."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import yaml
from sqlalchemy import select, update

from pipeline.app import app
from pipeline.history import jobs
from pipeline.history.database import now
from pipeline.models import Attempt, Job, Step
from pipeline.tasks import ingest
from pipeline.tasks.backoff import FIRST_RETRY_S
from tests.integration.broker.processes import worker
from tests.integration.broker.test_broker import broker
from tests.integration.tasks.journeys import script
from tests.media import make_clip
from tests.system import eventually, purge

if TYPE_CHECKING:
    from pipeline.app import Runtime

__all__ = ["broker"]
pytestmark = pytest.mark.service


def submitted(ready: Runtime, number: int, priority: int = 5) -> str:
    clip = make_clip(ready.settings.root / "clips" / f"{number}.mp4", seconds=1, seed=number)
    return ingest.submit_file(clip, profile="quick", priority=priority).job_id


def begun(ready: Runtime) -> list[str]:
    """List the jobs whose probe has begun, in that order."""
    with ready.db.read() as session:
        query = select(Step.job_id).where(Step.name == "probe", Step.started_at.is_not(None))
        return list(session.scalars(query.order_by(Step.started_at)))


def test_what_is_more_urgent_begins_first(ready: Runtime, broker: str) -> None:
    purge(broker)
    usual = [submitted(ready, number) for number in range(3)]
    urgent = submitted(ready, 3, priority=9)
    with worker(ready, "package"):
        eventually(lambda: len(begun(ready)) == 4, "all to begin")
    assert begun(ready) == [urgent, *usual]


def test_what_failed_for_now_is_tried_again_after_its_wait(ready: Runtime, broker: str) -> None:
    purge(broker)
    probing = script(ready.settings.root / "ffprobe", "kill -9 $$")
    written = ready.settings.config_dir / "pipeline.yml"
    pipeline = yaml.safe_load(written.read_text())
    written.write_text(yaml.safe_dump({**pipeline, "tools": {"ffprobe": str(probing)}}))
    job_id = submitted(ready, 0)

    def attempts() -> list[Attempt]:
        with ready.db.read() as session:
            query = select(Attempt).join(Step).where(Step.job_id == job_id, Step.name == "probe")
            return list(session.scalars(query.order_by(Attempt.number)))

    with worker(ready, "package"):
        eventually(lambda: len(attempts()) > 1, "the probe to be tried again")
    first, second, *_ = attempts()
    assert (first.outcome, first.error_code) == ("retried", "killed")
    assert first.finished_at is not None
    # RabbitMQ delays by whole seconds, and the worker waits for the rest.
    assert second.started_at - first.finished_at > timedelta(seconds=FIRST_RETRY_S / 2 - 1)


def test_what_waited_past_its_deadline_ends_as_expired(ready: Runtime, broker: str) -> None:
    purge(broker)
    job_id = submitted(ready, 0)
    with ready.db.begin() as session:
        late = now(session) - timedelta(seconds=1)
        session.execute(update(Job).where(Job.id == job_id).values(deadline_at=late))
    # RabbitMQ drops what has expired without telling anybody: the reconciler finds the job.
    app.send_task("pipeline.reconcile", queue="control", ignore_result=True)

    def state() -> str | None:
        with ready.db.read() as session:
            view = jobs.view(session, job_id)
        return view.state if view.ended else None

    with worker(ready, "control"):
        assert eventually(state, "the job to end") == "expired"
