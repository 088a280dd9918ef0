"""A digest tells each channel what happened since its last one, once, and loses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.alerts.outbox import drain
from pipeline.app import app
from pipeline.history import schedule_runs
from pipeline.history.database import now
from pipeline.history.schedule_runs import Beginning, Run
from pipeline.models import Job, JobState, OutboxRow, Rendition, ScheduleRun
from pipeline.settings.notifications import Channel, Notifications
from pipeline.tasks.digest import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.alerts.messages import Message
    from pipeline.app import Runtime


@pytest.fixture(autouse=True)
def channels(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    heard = {
        name: Channel.model_validate({"url": "json://localhost", "on": on})
        for name, on in (("boss", ["digest"]), ("team", ["failed"]))
    }
    changed = replace(ready.settings, notifications=Notifications(channels=heard))
    monkeypatch.setitem(ready.__dict__, "settings", changed)


def end(ready: Runtime, job: Job, state: JobState, **facts: Any) -> None:
    with ready.db.begin() as session:
        values = {"state": state, "finished_at": now(session), **facts}
        session.execute(update(Job).where(Job.id == job.id).values(**values))


def sent(ready: Runtime) -> list[tuple[str, Message]]:
    told: list[tuple[str, Message]] = []
    drain(ready.db, ready.settings, sender=lambda name, _, message: told.append((name, message)))
    return told


def test_a_digest_tells_what_happened_to_who_wants_it(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    good, bad, rotten = new_job(), new_job(source_path="/in/bad\n.mp4"), new_job()
    new_job()
    with ready.db.begin() as session:
        lost = Run("yaml:nightly", "t", "t", "notify@a/place.1.1/t")
        assert schedule_runs.begin(session, lost, due_at=None) is Beginning.BEGUN
        session.execute(update(ScheduleRun).values(lease_until=now(session)))
    end(ready, good, JobState.SUCCEEDED, source_duration_s=3600.0)
    end(ready, bad, JobState.FAILED, error_message="It is no media.")
    end(ready, rotten, JobState.SUCCEEDED, damage="144p.mp4 is damaged")
    assert digest().facts["ended"] == {"succeeded": 2, "failed": 1}
    ((channel, message),) = sent(ready)
    assert channel == "boss"
    assert message.title == "Reelworks: 1 failed, 2 succeeded"
    assert message.kind == "warning"
    for line in (
        *("1 h 0 min of media became", "Failed: bad .mp4: It is no media."),
        *("Damaged: clip.mp4: 144p.mp4 is damaged", "1 jobs wait or run."),
        "nightly: its worker ended before it did",
    ):
        assert line in message.body
    assert sent(ready) == []


def test_what_a_digest_tells_can_be_written_down(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    good = new_job()
    end(ready, good, JobState.SUCCEEDED, source_duration_s=2.5)
    facts = {"width": 256, "height": 144, "codec": "h264", "frames": 50, "duration_s": 2.5}
    with ready.db.begin() as session:
        for name in ("144p", "240p"):
            path = f"mp4/{name}.mp4"
            made = Rendition(job_id=good.id, name=name, path=path, bytes=3_000_000_000, **facts)
            session.add(made)
    told = json.loads(json.dumps(digest().facts))
    assert (told["seconds"], told["bytes"]) == (2.5, 6_000_000_000)


def test_the_next_digest_begins_where_the_last_one_ended(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    end(ready, new_job(), JobState.SUCCEEDED)
    digest()
    end(ready, new_job(), JobState.CANCELLED)
    assert digest().facts["ended"] == {"cancelled": 1}
    assert digest().summary == "Reelworks: nothing ended, to boss"


def test_named_channels_hear_of_it_whatever_they_listen_to(ready: Runtime) -> None:
    digest(channels=("team",))
    assert [name for name, _ in sent(ready)] == ["team"]


def test_without_a_channel_nothing_is_owed(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        ready.__dict__, "settings", replace(ready.settings, notifications=Notifications())
    )
    assert digest().summary == "no channel is to hear of it"
    with ready.db.read() as session:
        assert session.scalars(select(OutboxRow)).all() == []


def test_a_run_that_was_killed_and_comes_back_tells_nothing_twice(ready: Runtime) -> None:
    for _ in range(2):
        digest.apply(task_id="the-run")
    assert len(sent(ready)) == 1
    digest.apply(task_id="the-next")
    assert len(sent(ready)) == 1
