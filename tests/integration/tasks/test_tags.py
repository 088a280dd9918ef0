"""What needs a tag is sent to workers that have it; while none is there it waits, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline import workflows
from pipeline.alerts.messages import message_for
from pipeline.app import app
from pipeline.history import events, jobs, lacking, outbox, workers
from pipeline.history.database import now
from pipeline.models import Job, JobState, OutboxRow, Worker
from pipeline.settings.notifications import Notifications
from pipeline.stack import service_checks
from pipeline.tasks import control
from pipeline.tasks.capacity import capacity, lost_hardware
from pipeline.tasks.control import reconcile
from pipeline.tasks.finalise import finalise
from pipeline.tasks.step import StepFailed
from tests.integration.tasks.journeys import age, do, published, state, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.history.views import JobView

TAG = "big-disk"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queues of encodes that were published, instead of publishing them."""
    queues: list[str] = []

    def publish(canvas: Any, **_: Any) -> None:
        encodes = [one for one in getattr(canvas, "tasks", [canvas]) if "rendition" in one.task]
        queues.extend(one.options["queue"] for one in encodes)

    monkeypatch.setattr("celery.canvas._chain.apply_async", publish)
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 0)
    monkeypatch.setattr("pipeline.tasks.finalise._wake_notifier", lambda: None)
    return queues


def with_tags(ready: Runtime, monkeypatch: pytest.MonkeyPatch, *tags: str, **folder: Any) -> None:
    pipeline = ready.settings.pipeline
    watch = tuple(one.model_copy(update=folder) for one in pipeline.watch)
    pipeline = pipeline.model_copy(update={"tags": tags, "watch": watch})
    channel = {"url": "json://127.0.0.1:1/", "on": ["waiting"]}
    told = Notifications.model_validate({"channels": {"hook": channel}})
    changed = replace(ready.settings, pipeline=pipeline, notifications=told)
    monkeypatch.setitem(ready.__dict__, "settings", changed)


@pytest.fixture
def probed(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Job:
    """A job whose folder asks for the tag, planned while no worker is there."""
    with_tags(ready, monkeypatch, TAG)
    job = submitted(tmp_path / "clip.mp4", new_job, needs=TAG)
    published(ready, job)
    do(ready, job, "probe")
    return job


def announce(ready: Runtime, name: str = "encode@b/1", *tags: str, **hardware: list[str]) -> None:
    with ready.db.begin() as session:
        workers.register(session, name, slots=2, processor=True, hardware=hardware, tags=tags)


def view(ready: Runtime, job: Job) -> JobView:
    with ready.db.read() as session:
        return jobs.view(session, job.id)


def told(ready: Runtime, job: Job) -> list[str]:
    with ready.db.read() as session:
        return [event.message for event in events.since(session, job.id)]


def owed(ready: Runtime) -> list[tuple[str | None, str, str]]:
    with ready.db.read() as session:
        rows = session.scalars(select(OutboxRow))
        return [(row.job_id, row.event, row.channel) for row in rows]


def test_its_encodes_are_sent_to_workers_with_the_tag(
    ready: Runtime, probed: Job, sent: list[str]
) -> None:
    assert "no worker with the tag big-disk is there: its encodes wait for one" in told(
        ready, probed
    )
    assert workflows.launch(probed.id)
    assert sent == ["encode.cpu.big-disk"]


def test_a_lost_message_is_looked_for_in_the_queue_of_the_tag(
    ready: Runtime, probed: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def depth(queue: str) -> int:
        asked.append(queue)
        return 0

    monkeypatch.setattr(control, "queue_depth", depth)
    do(ready, probed, "thumbnail")
    age(ready, probed, timedelta(seconds=30))
    reconcile()
    assert asked[-1] == "encode.cpu.big-disk"
    assert sent == ["encode.cpu.big-disk"]


def test_a_job_that_lacks_its_worker_says_so_and_alerts_once(
    ready: Runtime,
    probed: Job,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 9)  # its message waits there
    do(ready, probed, "thumbnail")
    announce(ready, "encode@a/1")
    reconcile()
    assert view(ready, probed).waits_for is None, "a worker that starts anew takes less"
    for _ in range(2):
        age(ready, probed, timedelta(minutes=2))
        reconcile()
    waits = view(ready, probed)
    assert (waits.waits_for, waits.shown_state) == (TAG, "waiting")
    assert owed(ready) == [(probed.id, "waiting", "hook")]
    assert "waits for a worker with the tag big-disk: none is there" in told(ready, probed)
    message = message_for(waits, "waiting")
    assert (message.title, message.kind) == ("clip.mp4 waits for a worker", "warning")
    assert "reelworks worker encode --tags big-disk" in message.body
    announce(ready, "encode@b/1", TAG)
    reconcile()
    assert view(ready, probed).waits_for is None
    assert told(ready, probed)[-1] == "goes on: a worker with the tag big-disk is there"
    assert "It goes on since" in message_for(view(ready, probed), "waiting").body
    with ready.db.begin() as session:
        session.execute(update(Worker).values(seen_at=now(session) - timedelta(minutes=2)))
    age(ready, probed, timedelta(minutes=2))
    reconcile()
    assert view(ready, probed).waits_for == TAG
    assert len(owed(ready)) == 1, "channels hear of it once"
    with ready.db.read() as session:
        assert lacking.by_tag(session) == {TAG: 1}
    assert finalise(ready, probed.id, JobState.CANCELLED)
    assert view(ready, probed).waits_for is None


def test_what_runs_or_needs_no_tag_lacks_nothing(
    ready: Runtime, probed: Job, new_job: Callable[..., Job]
) -> None:
    new_job()
    do(ready, probed, "thumbnail")
    do(ready, probed, "rendition")
    age(ready, probed, timedelta(minutes=2))
    with ready.db.read() as session:
        assert lacking.changed(session, ()) == []


def test_planned_jobs_that_need_no_tag_are_not_looked_at_for_one(
    ready: Runtime, probed: Job, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    plain = submitted(tmp_path / "plain.mp4", new_job, fingerprint="plain")
    do(ready, plain, "probe")
    do(ready, plain, "thumbnail")
    age(ready, plain, timedelta(minutes=2))
    age(ready, probed, timedelta(minutes=2))
    with ready.db.read() as session:
        assert lacking.changed(session, ()) == [probed.id]


def test_a_lost_message_is_missed_though_others_wait_for_a_tag_that_nobody_has(
    ready: Runtime,
    probed: Job,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = submitted(tmp_path / "plain.mp4", new_job, fingerprint="plain")
    for kind in ("probe", "thumbnail"):
        do(ready, plain, kind)
    published(ready, plain)
    age(ready, plain, timedelta(minutes=1))
    finalise(ready, probed.id, JobState.CANCELLED)
    left = {"encode.cpu.big-disk": 1}  # the message of the job that was cancelled
    monkeypatch.setattr(control, "queue_depth", lambda queue: left.get(queue, 0))
    reconcile()
    assert sent == ["encode.cpu"]


def test_a_tag_that_is_taken_away_fails_its_jobs_in_words(
    ready: Runtime, probed: Job, monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    with_tags(ready, monkeypatch, "other")
    workflows.launch(probed.id)
    assert sent == []
    assert "the tag big-disk is no longer in pipeline.yml: planned again" in told(ready, probed)
    with pytest.raises(StepFailed, match="no longer has"):
        do(ready, probed, "probe")
    reconcile()
    assert state(ready, probed) == ("failed", "no_such_tag")
    with_tags(ready, monkeypatch, TAG)
    workflows.retry(probed.id)
    do(ready, probed, "probe")
    workflows.launch(probed.id)
    assert sent == ["encode.cpu.big-disk"]


def test_the_profile_asks_where_file_and_folder_do_not(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_tags(ready, monkeypatch, TAG, "licensed")
    quick = ready.settings.profiles["quick"].model_copy(update={"needs": "licensed"})
    monkeypatch.setitem(ready.settings.profiles, "quick", quick)
    for needs, tag in ((None, "licensed"), (TAG, TAG)):
        job = submitted(tmp_path / f"{tag}.mp4", new_job, needs=needs, fingerprint=tag)
        do(ready, job, "probe")
        with ready.db.read() as session:
            assert jobs.get(session, job.id).tag == tag


def test_hardware_counts_only_where_the_tag_is(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_tags(ready, monkeypatch, TAG)
    announce(ready, "encode@b/1", TAG, nvenc=["h264"])
    announce(ready, "encode@a/1", nvenc=["h264"])
    job = submitted(tmp_path / "clip.mp4", new_job, needs=TAG)
    do(ready, job, "probe")
    with ready.db.begin() as session:
        mine = jobs.get(session, job.id)
        assert mine.plan is not None
        # As of a picture that is large enough for a card.
        units = [{**unit, "capability": "nvenc"} for unit in mine.plan["units"]]
        mine.plan = {**mine.plan, "units": units}
        assert lost_hardware(session, mine) == set()
        workers.leave(session, "encode@b/1")
        assert lost_hardware(session, mine) == {"nvenc"}, "the other has not the tag"


def test_each_tag_has_capacity_of_its_own(ready: Runtime, new_job: Callable[..., Job]) -> None:
    announce(ready, "encode@a/1")
    announce(ready, "encode@b/1", TAG)
    mine, _other, _plain = new_job(needs=TAG), new_job(needs=TAG), new_job()
    with ready.db.read() as session:
        tagged, plain = capacity(session, mine.id, TAG), capacity(session, mine.id)
        assert workers.waiting(session, "", 9) == 3
        assert workers.tags_present(session) == {TAG}
    assert ([one.name for one in tagged.workers], tagged.waiting) == (["encode@b/1"], 1)
    assert (len(plain.workers), plain.waiting) == (2, 1)


def test_the_doctor_looks_for_each_tag_that_is_asked_for(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_tags(ready, monkeypatch, TAG, needs=TAG)
    assert list(service_checks.tags(ready.settings)) == [], "nothing runs"
    announce(ready, "encode@a/1")
    (missed,) = service_checks.tags(ready.settings)
    assert (missed.state, missed.detail) == ("warning", "no worker with the tag big-disk is there")
    announce(ready, "encode@b/1", TAG)
    (found,) = service_checks.tags(ready.settings)
    assert found.state == "ok"


def test_a_retried_alert_is_owed_no_second_time(ready: Runtime, probed: Job) -> None:
    with ready.db.begin() as session:
        for _ in range(2):
            outbox.owe(session, session.get_one(Job, probed.id), lacking.EVENT, ("hook",))
    assert len(owed(ready)) == 1
