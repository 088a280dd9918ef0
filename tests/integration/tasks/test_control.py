"""Jobs are repaired from the database alone: expired, lost, failed, forgotten."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.history import jobs, steps
from pipeline.history.database import now
from pipeline.history.steps import Claim
from pipeline.models import Job, JobState, OutboxRow, Step, StepState
from pipeline.tasks import control, owner
from pipeline.tasks.control import reconcile, repair, resume
from pipeline.tasks.finalise import finalise
from tests.integration.tasks.journeys import age, claimed_in, published, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime


def claim(ready: Runtime, job: Job, task: str = "t") -> Claim:
    with ready.db.begin() as session:
        claimed = steps.claim(session, job.id, ["probe"], owner=f"n@here/{task}", limit=3)
    assert isinstance(claimed, Claim)
    return claimed


def lapse(ready: Runtime) -> None:
    with ready.db.begin() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Step).where(Step.lease_until.is_not(None)).values(lease_until=past))


def test_a_job_that_expires_in_the_queue_ends_as_expired_and_alerts(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job(deadline=timedelta(seconds=-1))
    reconcile()
    assert state(ready, job) == ("expired", "expired")
    assert launched == []
    with ready.db.read() as session:
        owed = [(row.event, row.channel) for row in session.scalars(select(OutboxRow))]
    assert owed == [("expired", "hook")]


def test_a_job_whose_publishing_failed_is_published_later(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
        jobs.unpublish(session, job.id)
    reconcile()
    assert launched == [job.id]


def test_a_lapsed_lease_publishes_the_job_again(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    published(ready, job)
    claim(ready, job)
    reconcile()
    assert launched == []
    lapse(ready)
    reconcile()
    assert launched == [job.id]


def test_a_step_whose_worker_is_lost_too_often_fails_the_job(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    for number in range(3):
        claim(ready, job, f"t{number}")
        lapse(ready)
    reconcile()
    assert state(ready, job) == ("failed", "worker_lost")
    assert launched == []


def test_a_lost_message_is_found_when_the_job_is_quiet_and_its_queue_empty(
    ready: Runtime,
    new_job: Callable[..., Job],
    launched: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = new_job()
    published(ready, job)
    age(ready, job, timedelta(minutes=2))
    with monkeypatch.context() as patched:
        patched.setattr(control, "queue_depth", lambda _queue: 7)
        reconcile()
        assert launched == []
    reconcile()
    assert launched == [job.id]


def test_what_a_dead_worker_had_taken_and_not_begun_is_published_when_one_begins_anew(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    taken, just = new_job(), new_job()
    published(ready, taken)
    age(ready, taken, timedelta(seconds=10))
    published(ready, just)
    reconcile()
    assert launched == []
    reconcile(worker_began=True)
    assert launched == [taken.id]


@pytest.mark.parametrize(("broker", "asked"), [("redis://h/0", 1), ("amqp://h//", 0)])
def test_a_worker_that_begins_has_lost_messages_looked_for_where_the_broker_keeps_them(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, broker: str, asked: int
) -> None:
    sent: list[tuple[str, object]] = []
    monkeypatch.setitem(app.conf, "broker_url", broker)
    monkeypatch.setattr(app, "send_task", lambda name, *, kwargs, **_: sent.append((name, kwargs)))
    control._free_former_self(sender=type("Consumer", (), {"hostname": "n"})())
    assert sent == [("pipeline.reconcile", {"worker_began": True})] * asked


def test_the_errback_ends_the_job_with_the_steps_own_error(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    claimed = claim(ready, job)
    with ready.db.begin() as session:
        error = ReelworksError("not_media", "It is a text.", "Give a video.")
        steps.fail(session, claimed, error, retry_in=None, log="")
    resume(job.id)
    with ready.db.read() as session:
        error_view = jobs.view(session, job.id).error
    assert error_view is not None
    assert error_view.model_dump() == {
        "step": "probe",
        "code": "not_media",
        "message": "It is a text.",
        "hint": "Give a video.",
    }


def test_after_the_probe_the_rest_of_the_canvas_is_published_at_once(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    published(ready, job)
    with ready.db.begin() as session, steps.publishing(session, claimed_in(session, job)):
        pass
    resume(job.id)
    assert launched == [job.id]


def test_a_job_with_every_step_done_is_finalised_if_nobody_did(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    with ready.db.begin() as session:
        session.execute(update(Step).where(Step.job_id == job.id).values(state=StepState.DONE))
    assert "every step is done" in repair(ready, job.id)
    assert state(ready, job) == ("succeeded", None)


def test_a_killed_pool_process_frees_its_step_and_the_job_goes_on(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    from billiard.exceptions import WorkerLostError

    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(control, "send_resume", lambda job_id: sent.append((job_id,)))
    job = new_job()
    claim(ready, job, "lost-task")
    control._worker_lost(task_id="lost-task", exception=ValueError("another failure"))
    assert sent == []
    control._worker_lost(task_id="lost-task", exception=WorkerLostError("killed"))
    assert sent == [(job.id,)]
    assert claim(ready, job, "next").attempts == {"probe": 2}


def test_a_worker_that_starts_frees_what_its_former_self_held_and_nobody_elses(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(control, "send_resume", sent.append)
    monkeypatch.setattr(control, "send_reconcile", lambda **_: None)
    former, beside = new_job(), new_job()
    place, _, _ = owner.process().partition(".")
    claim(ready, former, f"{place}.{ended_pid()}.123/t1")
    living = claim(ready, beside, f"{owner.process()}/t2")
    control._free_former_self(sender=type("Consumer", (), {"hostname": "n.2@here"})())
    assert sent == [former.id]
    with ready.db.begin() as session:
        steps.heartbeat(session, living, 0.5)


def ended_pid() -> int:
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_jobs_that_wait_in_a_long_queue_are_not_looked_at_one_by_one(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(control, "repair", lambda _, job_id, **__: looked.append(job_id))
    waiting = [new_job() for _ in range(3)]
    owed, tried = new_job(), new_job()
    for job in (*waiting, tried):
        published(ready, job)
    claim(ready, tried)
    with ready.db.begin() as session:
        session.execute(update(Job).values(touched_at=now(session) - timedelta(hours=1)))
    for depth, expected in ((3, {owed, tried}), (2, {owed, tried, *waiting})):
        looked.clear()
        there = {"probe": depth}
        monkeypatch.setattr(control, "queue_depth", lambda queue, of=there: of.get(queue, 0))
        reconcile()
        assert sorted(looked) == sorted(job.id for job in expected)


def test_a_lapsed_lease_is_published_once_and_then_waits_its_turn(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []

    def launch(job_id: str) -> None:
        launched.append(job_id)
        with ready.db.begin() as session:
            jobs.mark_published(session, job_id)

    monkeypatch.setattr(control, "launch", launch)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 7)
    job = new_job()
    published(ready, job)
    claim(ready, job)
    lapse(ready)
    for _ in range(4):
        reconcile()
    assert launched == [job.id]


def test_one_job_that_cannot_be_looked_after_keeps_nothing_from_the_others(
    ready: Runtime,
    new_job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    launched: list[str] = []

    def launch(job_id: str) -> None:
        if job_id == poisoned.id:
            raise ValueError("poisoned")
        launched.append(job_id)

    monkeypatch.setattr(control, "launch", launch)
    poisoned, other = new_job(), new_job()
    for job in (poisoned, other):
        with ready.db.begin() as session:
            jobs.mark_published(session, job.id)
            jobs.unpublish(session, job.id)
    reconcile()
    assert launched == [other.id]
    assert poisoned.id in caplog.text


def test_of_two_enders_one_ends_the_job(
    ready: Runtime, new_job: Callable[..., Job], launched: list[str]
) -> None:
    job = new_job()
    assert finalise(ready, job.id, JobState.CANCELLED)
    assert not finalise(ready, job.id, JobState.EXPIRED)
    assert state(ready, job)[0] == "cancelled"


def test_what_was_decided_of_a_former_run_does_not_end_the_next(
    ready: Runtime,
    new_job: Callable[..., Job],
    launched: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = new_job()
    with ready.db.begin() as session:
        session.execute(update(Job).where(Job.id == job.id).values(deadline_at=now(session)))

    def meanwhile(ready_: Runtime, job_id: str, *arguments: Any, **said: Any) -> bool:
        """Somebody cancels the job and tries it again between the look and the act."""
        assert finalise(ready_, job_id, JobState.CANCELLED)
        with ready_.db.begin() as session:
            jobs.reopen(session, job_id, timedelta(hours=1), afresh=True)
        return finalise(ready_, job_id, *arguments, **said)

    monkeypatch.setattr(control, "finalise", meanwhile)
    assert repair(ready, job.id) == "its deadline has passed"
    with ready.db.read() as session:
        view = jobs.view(session, job.id)
    assert (view.state, view.run, view.error) == ("queued", 2, None)
