"""Hardware in a job's life: planned for, lost, and done without."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pipeline import workflows
from pipeline.app import Runtime
from pipeline.history import events, jobs, workers
from pipeline.history.database import now
from pipeline.models import Job, Worker
from pipeline.plan.plan import Plan
from pipeline.settings.load import Settings
from pipeline.settings.profiles import Profile
from pipeline.tasks import announce, control, rendition
from pipeline.tasks.announce import Announcement
from pipeline.tasks.control import reconcile
from pipeline.tasks.owner import process
from pipeline.tasks.probe import probe
from pipeline.tasks.thumbnail import thumbnail
from tests.integration.media.cards import ffmpeg_with_card
from tests.media import make_clip, tools

#: The node of a task that is applied in this process, and the name under which it holds steps.
NODE = socket.gethostname()
NAME = f"{NODE}/{process()}"
NewJob = Callable[..., Job]


@pytest.fixture(autouse=True)
def queues(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The capabilities of the units of each canvas that was published, instead of a broker."""
    published: list[list[str]] = []

    class Unpublished:
        def apply_async(self, **_options: object) -> None:
            pass

    def journey(todo: workflows.Todo) -> Unpublished:
        published.append([capability for _unit, capability, _steps in todo.units])
        return Unpublished()

    monkeypatch.setattr(workflows, "journey", journey)
    return published


@pytest.fixture
def probed(
    ready: Runtime, new_job: NewJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Job]:
    """Make a clip's job whose next step is its renditions."""

    def make(**video: Any) -> Job:
        small = {"ladder": [360], "preset": "ultrafast", **video}
        profile = Profile.model_validate({"video": small})
        monkeypatch.setattr(Settings, "profile", lambda _settings, _name: profile)
        clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="640x360")
        facts = clip.stat()
        job = new_job(
            source_path=str(clip), source_bytes=facts.st_size, source_mtime_ns=facts.st_mtime_ns
        )
        probe.apply(args=(job.id,), throw=True)
        thumbnail.apply(args=(job.id,), throw=True)
        return job

    return make


def announced(ready: Runtime, **hardware: list[str]) -> None:
    with ready.db.begin() as session:
        workers.register(session, NAME, slots=1, processor=True, hardware=hardware)


def told(ready: Runtime, job: Job, kind: str) -> list[str]:
    with ready.db.read() as session:
        return [event.message for event in events.since(session, job.id) if event.kind == kind]


def capabilities(ready: Runtime, job: Job) -> list[str]:
    with ready.db.read() as session:
        return [
            unit.capability for unit in Plan.model_validate(jobs.get(session, job.id).plan).units
        ]


def encode(job: Job) -> None:
    steps = ["rendition:360p", "rendition:audio"]
    rendition.rendition.apply(args=(job.id, "all", steps), throw=True)


def with_card(monkeypatch: pytest.MonkeyPatch, folder: Path, breaks: str = "") -> None:
    found = replace(tools(), ffmpeg=ffmpeg_with_card(folder, breaks))
    monkeypatch.setattr(rendition, "tools", lambda: found)


def test_a_job_is_planned_for_the_hardware_that_was_announced(
    ready: Runtime, probed: Callable[..., Job], queues: list[list[str]]
) -> None:
    announced(ready, nvenc=["h264"])
    job = probed()
    assert capabilities(ready, job) == ["nvenc"]
    assert workflows.launch(job.id)
    assert queues == [["nvenc"]]


def test_hardware_that_nobody_announced_is_not_waited_for(
    ready: Runtime, probed: Callable[..., Job], queues: list[list[str]]
) -> None:
    job = probed(encoder="nvenc")
    assert capabilities(ready, job) == ["cpu"]
    assert "no worker can encode this with nvenc: the processor does" in told(ready, job, "planned")
    assert workflows.launch(job.id)
    assert queues == [["cpu"]]


def test_a_card_that_is_lost_midway_leaves_the_step_to_the_processor_and_says_so(
    ready: Runtime,
    probed: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    announced(ready, nvenc=["h264"], vaapi=["h264"])
    job = probed()
    with_card(monkeypatch, tmp_path, "lost")
    encode(job)
    with ready.db.read() as session:
        done = jobs.view(session, job.id)
        left = workers.present(session)[0].hardware
    made = [step for step in done.steps if step.kind == "rendition"]
    assert {(step.state, step.attempts) for step in made} == {("done", 1)}
    (sentence,) = told(ready, job, "fell_back")
    assert sentence.startswith("nvenc failed (")
    assert "device lost" in sentence
    assert left == {"vaapi": ["h264"]}, "what is lost for good is no longer planned with"


def test_a_card_that_fails_once_is_planned_with_again(
    ready: Runtime,
    probed: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    announced(ready, nvenc=["h264"])
    job = probed()
    with_card(monkeypatch, tmp_path, "crash")
    encode(job)
    assert len(told(ready, job, "fell_back")) == 1
    with ready.db.read() as session:
        assert workers.present(session)[0].hardware == {"nvenc": ["h264"]}


def test_a_working_card_is_used_and_nothing_is_said(
    ready: Runtime,
    probed: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    announced(ready, nvenc=["h264"])
    job = probed()
    with_card(monkeypatch, tmp_path)
    encode(job)
    assert told(ready, job, "fell_back") == []


def test_what_waits_for_hardware_that_is_gone_goes_to_the_processor(
    ready: Runtime,
    probed: Callable[..., Job],
    queues: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announced(ready, nvenc=["h264"])
    job = probed()
    assert workflows.launch(job.id)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 1)  # its message, still untaken
    with ready.db.begin() as session:
        then = now(session) - timedelta(minutes=2)
        quiet = update(Job).where(Job.id == job.id)
        session.execute(quiet.values(touched_at=then, published_at=then))
    reconcile()
    assert queues == [["nvenc"]], "its worker is there, and only busy"
    with ready.db.begin() as session:
        session.execute(update(Worker).values(seen_at=then))
    reconcile()
    assert queues == [["nvenc"], ["cpu"]]
    assert told(ready, job, "fell_back") == [
        "no worker with nvenc is there any more: the processor encodes"
    ]
    assert capabilities(ready, job) == ["cpu"]


def test_a_lost_message_is_looked_for_in_the_queue_it_was_sent_to(
    ready: Runtime,
    probed: Callable[..., Job],
    queues: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announced(ready, nvenc=["h264"])
    job = probed()
    assert workflows.launch(job.id)
    with ready.db.begin() as session:
        then = now(session) - timedelta(minutes=2)
        session.execute(update(Job).values(touched_at=then, published_at=then))
    asked: list[str] = []

    def depth(queue: str) -> int:
        asked.append(queue)
        return 0

    monkeypatch.setattr(control, "queue_depth", depth)
    reconcile()
    assert asked[0] == "encode.nvenc"
    assert queues == [["nvenc"], ["nvenc"]]


def test_a_worker_is_announced_while_it_runs(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Announcement(node=NODE, slots=2, processor=True, hardware={"qsv": ("h264",)})

    def nodes() -> list[tuple[str, int, dict[str, list[str]]]]:
        with ready.db.read() as session:
            found = workers.present(session)
        return [(one.name, one.slots, one.hardware) for one in found]

    mine.beat()
    assert nodes() == [], "it is not ready yet"
    mine.register()
    assert nodes() == [(NAME, 2, {"qsv": ["h264"]})]
    with ready.db.begin() as session:
        workers.leave(session, NAME)
    mine.beat()
    assert nodes() == [], "its next sign of life is not due"
    monkeypatch.setattr(announce, "BEAT_S", 0.0)
    mine.beat()
    assert nodes() == [(NAME, 2, {"qsv": ["h264"]})], "it was forgotten, and says it again"
    mine.leave()
    assert nodes() == []
