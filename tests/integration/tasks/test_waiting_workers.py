"""A worker that is killed while its step waits for an encoder costs the step no try."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from pipeline.app import runtime
from pipeline.history import steps
from pipeline.history.errors import DatabaseUnreachable
from pipeline.models import StepState
from pipeline.tasks import control, step
from pipeline.tasks.step import Work, perform
from tests.integration.history.taking import lapse
from tests.integration.tasks.journeys import attempts, row, state, task

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.steps import Claim
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")
_fork = multiprocessing.get_context("fork")
#: More often than a step may be tried.
OFTEN = 4


def _hang(job_id: str, said: Connection, *, idle: bool) -> None:
    def body(work: Work) -> None:
        work.beat(0.0, idle=True)
        work.beat(0.0, idle=idle)
        said.send("begun")
        said.recv()

    runtime.cache_clear()
    perform(task(), job_id, ("probe",), body)


def killed(ready: Runtime, job: Job, *, idle: bool) -> None:
    """Have a worker claim the step, wait for its turn or work, and be killed over it."""
    ready.db.dispose()  # a connection must not be shared across a fork
    here, there = _fork.Pipe()
    worker = _fork.Process(target=_hang, args=(job.id, there), kwargs={"idle": idle})
    worker.start()
    assert here.recv() == "begun"
    worker.kill()
    worker.join()
    lapse(ready.db)
    control.repair(ready, job.id)


def publish(work: Work) -> None:
    work.publish(lambda *_: None)


def test_workers_killed_while_they_wait_cost_no_try(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    for _ in range(OFTEN):
        killed(ready, job, idle=True)
    assert state(ready, job) == ("running", None)
    assert perform(task(), job.id, ("probe",), publish) == "done"
    assert attempts(ready, job, "probe") == [("lost", None)] * OFTEN + [("done", None)]


def test_workers_killed_by_what_they_work_on_end_the_job(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    for _ in range(3):
        killed(ready, job, idle=False)
    control.repair(ready, job.id)
    assert state(ready, job) == ("failed", "worker_lost")


class Stopped(BaseException):
    """The worker is being stopped."""


def test_a_worker_that_is_stopped_while_it_waits_gives_back_what_was_no_try(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    def stopped(work: Work) -> None:
        work.beat(0.0, idle=True)
        raise Stopped

    job = new_job()
    killed(ready, job, idle=False)
    with pytest.raises(Stopped):
        perform(task(), job.id, ("probe",), stopped)
    found = row(ready, job, "probe")
    assert (found.state, found.tries, found.attempt) == (StepState.WAITING, 1, 2)


@pytest.mark.parametrize("kept", [False, True])
def test_a_turn_that_could_not_be_told_is_told_with_the_next_beat(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    """Also where the database did what it was told, and only its answer was lost."""
    swift, lost = steps.heartbeat, [True, False, True]
    monkeypatch.setattr(step, "BEAT_S", 0.0)

    def heartbeat(
        session: Session, claim: Claim, progress: float, *, idle: bool | None = None
    ) -> None:
        gone = lost.pop(0) if lost else False
        if kept or not gone:
            swift(session, claim, progress, idle=idle)
        if gone:
            session.commit()
            raise DatabaseUnreachable("there", "gone")

    def work_on(work: Work) -> None:
        for idle, tries in ((True, None), (True, 0), (False, None), (False, 1)):
            work.beat(0.0, idle=idle)
            if tries is not None:
                assert row(ready, job, "probe").tries == tries
        publish(work)

    monkeypatch.setattr(steps, "heartbeat", heartbeat)
    job = new_job()
    assert perform(task(), job.id, ("probe",), work_on) == "done"
    assert not lost
    assert row(ready, job, "probe").tries == 1
