"""A full disk under the database: steps wait, lose no try and no result, and go on later."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, schedule_runs, steps, workers
from pipeline.history.database import now
from pipeline.history.disk import LEAST, NEEDED
from pipeline.history.errors import DatabaseFull
from pipeline.history.schedule_runs import Looking
from pipeline.models import Job, Step, StepState
from pipeline.tasks import step
from pipeline.tasks.announce import Announcement
from pipeline.tasks.control import _free_former_self, reconcile, repair
from pipeline.tasks.ingest import scan
from pipeline.tasks.owner import is_dead
from pipeline.tasks.step import StepFailed, Work, perform
from pipeline.tasks.timed import ROW, Timed, Told
from tests.faults.mounts import Disk
from tests.integration.tasks.journeys import (
    allow_attempts,
    attempts,
    claimed_in,
    published,
    row,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.app import Runtime

pytestmark = pytest.mark.usefixtures("sent")
#: How long the disk stays full, seconds.
FULL_S = 1.5


@pytest.fixture
def database_address(disk: Disk) -> str:
    """SQLite on a disk of its own, whatever the environment says."""
    return f"sqlite:///{disk.folder}/reelworks.db"


@contextmanager
def room_later(disk: Disk) -> Iterator[None]:
    """Have the disk get room a little later; the block must not be done before that."""
    timer = threading.Timer(FULL_S, disk.free)
    timer.start()
    began = time.monotonic()
    yield
    assert time.monotonic() - began >= FULL_S - 0.1
    timer.join()


def publish(work: Work) -> None:
    work.publish(lambda *_: None)


def told(ready: Runtime, job: Job, kind: str) -> list[str]:
    with ready.db.read() as session:
        return [one.message for one in events.since(session, job.id) if one.kind == kind]


def test_a_step_that_has_not_begun_waits_and_says_for_how_many_bytes(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk
) -> None:
    job = new_job()
    disk.fill(leaving=NEEDED // 2)
    with room_later(disk):
        assert perform(task(), job.id, ("probe",), publish) == "done"
    (said,) = told(ready, job, "waits_for_room")
    assert said.startswith(f"waits: The database needs about {NEEDED:,} bytes in {disk.folder}")
    assert attempts(ready, job, "probe") == [("done", None)]


def test_it_waits_also_where_there_is_no_room_to_say_so(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    job = new_job()
    disk.fill(leaving=0)
    with room_later(disk), caplog.at_level(logging.WARNING):
        assert perform(task(), job.id, ("probe",), publish) == "done"
    assert told(ready, job, "waits_for_room") == []
    assert f"needs about {NEEDED:,} bytes" in caplog.text
    assert attempts(ready, job, "probe") == [("done", None)]


def test_work_that_is_done_is_published_once_there_is_room_though_its_lease_lapsed(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LEASE", timedelta(seconds=FULL_S / 3))
    job = new_job()

    def fill_and_publish(work: Work) -> None:
        disk.fill(leaving=0)
        with room_later(disk):
            publish(work)

    assert perform(task(), job.id, ("probe",), fill_and_publish) == "done"
    assert attempts(ready, job, "probe") == [("done", None)]


@pytest.mark.parametrize("full", [True, False])
def test_a_worker_killed_while_it_waits_to_write_down_what_it_did_loses_no_try(
    ready: Runtime,
    new_job: Callable[..., Job],
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    *,
    full: bool,
) -> None:
    job = new_job()
    published(ready, job)
    with ready.db.begin() as session:
        claimed_in(session, job)
    if full:
        disk.fill(leaving=0)
        assert ready.db.lacks_room() is not None
        disk.free()
    monkeypatch.setattr("pipeline.history.disk.LATELY_S", 0.0)
    lapsed = update(Step).where(Step.job_id == job.id, Step.name == "probe")
    with ready.db.begin() as session:
        session.execute(lapsed.values(lease_until=now(session) - timedelta(seconds=1)))
    repair(ready, job.id)
    assert row(ready, job, "probe").tries == (0 if full else 1)
    assert attempts(ready, job, "probe") == [("released" if full else "lost", None)]


@pytest.mark.parametrize("full", [True, False])
def test_a_step_of_one_killed_while_it_was_full_that_a_message_brings_again_loses_no_try(
    ready: Runtime,
    new_job: Callable[..., Job],
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    *,
    full: bool,
) -> None:
    job = new_job()
    allow_attempts(ready, monkeypatch, 1)
    with ready.db.begin() as session:
        claimed_in(session, job)
    if full:
        disk.fill(leaving=0)
        assert ready.db.lacks_room() is not None
        disk.free()
    lapsed = update(Step).where(Step.job_id == job.id, Step.name == "probe")
    with ready.db.begin() as session:
        session.execute(lapsed.values(lease_until=now(session) - timedelta(seconds=1)))
    if full:
        assert "working on it" in perform(task(), job.id, ("probe",), publish)
        assert attempts(ready, job, "probe") == [(None, None)]
    monkeypatch.setattr("pipeline.history.disk.LATELY_S", 0.0)
    said = perform(task(), job.id, ("probe",), publish)
    if not full:
        assert "tried as often as allowed" in said
        return
    assert (said, row(ready, job, "probe").tries) == ("done", 1)
    assert attempts(ready, job, "probe") == [("released", None), ("done", None)]


def test_work_goes_on_without_heartbeats_for_as_long_as_the_disk_is_full(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "BEAT_S", 0.05)
    monkeypatch.setattr(step, "UNHEARD_S", 0.2)
    job = new_job()

    def go_on(work: Work) -> None:
        disk.fill(leaving=0)
        with room_later(disk):
            while disk.folder.joinpath(".filler").exists():
                work.beat(0.5)
                time.sleep(0.05)
        publish(work)

    assert perform(task(), job.id, ("probe",), go_on) == "done"
    assert attempts(ready, job, "probe") == [("done", None)]


def test_what_could_not_be_written_in_the_midst_of_a_step_is_tried_again_and_costs_no_try(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk
) -> None:
    job = new_job()

    def write(work: Work) -> None:
        disk.fill(leaving=0)
        threading.Timer(FULL_S, disk.free).start()
        with work.runtime.db.begin():
            raise AssertionError("there was room")

    retry: Any = SimpleNamespace(
        request=SimpleNamespace(hostname="encode@a", id="t", retries=0),
        retry=lambda **_: StepFailed("again"),
    )
    with pytest.raises(StepFailed, match="again"):
        perform(retry, job.id, ("probe",), write)
    assert attempts(ready, job, "probe") == [("retried", "no_space")]
    assert row(ready, job, "probe").tries == 0
    (said,) = told(ready, job, "step_retried")
    assert f"needs about {NEEDED:,} bytes in {disk.folder}" in said


def test_a_failure_is_written_down_once_there_is_room(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk
) -> None:
    job = new_job()

    def fail(_: Work) -> None:
        disk.fill(leaving=0)
        threading.Timer(FULL_S, disk.free).start()
        raise ReelworksError("not_media", "It is no film.")

    with pytest.raises(StepFailed, match="no film"):
        perform(task(), job.id, ("probe",), fail)
    assert attempts(ready, job, "probe") == [("failed", "not_media")]


def test_a_worker_that_is_stopped_meanwhile_ends_as_it_was_told(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    job = new_job()

    def stopped(_: Work) -> None:
        disk.fill(leaving=0)
        raise SystemExit

    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit):
        perform(task(), job.id, ("probe",), stopped)
    assert "is free when its lease has lapsed" in caplog.text
    assert row(ready, job, "probe").state is StepState.RUNNING


def test_with_little_room_a_worker_that_is_stopped_still_gives_its_step_back(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk
) -> None:
    job = new_job()

    def stopped(_: Work) -> None:
        disk.fill(leaving=2 * LEAST)
        raise SystemExit

    with pytest.raises(SystemExit):
        perform(task(), job.id, ("probe",), stopped)
    assert attempts(ready, job, "probe") == [("released", None)]


def test_a_lease_that_lapsed_over_a_full_disk_is_not_taken_from_who_holds_it(
    ready: Runtime, new_job: Callable[..., Job], disk: Disk, launched: list[str]
) -> None:
    job = new_job()
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
        claimed_in(session, job)
        lapsed = now(session) - timedelta(seconds=1)
        session.execute(update(Step).values(lease_until=lapsed).where(Step.name == "probe"))
    disk.fill(leaving=0)
    assert ready.db.lacks_room() is not None
    disk.free()
    assert "worked on" in repair(ready, job.id)
    assert row(ready, job, "probe").state is StepState.RUNNING
    long_ago = time.time() - 60
    os.utime(disk.folder / "reelworks.db.last-full", (long_ago, long_ago))
    repair(ready, job.id)
    assert attempts(ready, job, "probe") == [("lost", None)]
    assert launched == [job.id]


def test_nothing_is_looked_after_and_no_folder_scanned_until_there_is_room(
    ready: Runtime, disk: Disk
) -> None:
    entry = ready.settings.pipeline.watch[0]
    (entry.path / "film.mp4").write_text("a film")
    disk.fill(leaving=LEAST * 2)
    with pytest.raises(DatabaseFull):
        scan()
    disk.fill(leaving=0)
    with ready.db.read() as session:
        assert session.scalars(select(Job)).all() == []
    for timed in (scan, reconcile):
        assert issubclass(DatabaseFull, timed.throws)


def test_the_end_of_what_runs_by_the_clock_is_written_down_once_there_is_room(
    ready: Runtime, disk: Disk
) -> None:
    @app.task(base=Timed, name="tests.fill")
    def fill() -> Told:
        disk.fill(leaving=0)
        threading.Timer(FULL_S, disk.free).start()
        return Told("all is full", {})

    fill.push_request(id="t", called_directly=False, **{ROW: "yaml:fill"})
    fill()
    fill.pop_request()
    with ready.db.read() as session:
        found = schedule_runs.result(session, "yaml:fill", Looking(is_dead))
    assert found is not None
    assert (found.outcome, found.summary) == ("done", "all is full")


def test_a_worker_goes_on_unannounced_and_is_announced_when_there_is_room(
    ready: Runtime, disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.tasks.announce.BEAT_S", 0.0)
    mine = Announcement("encode@here", 1, processor=True, hardware={})
    disk.fill(leaving=0)
    with caplog.at_level(logging.WARNING):
        mine.register()
        mine.beat()
        mine.leave()
        _free_former_self(SimpleNamespace(hostname="encode@here"))
    assert caplog.text.count("gives no sign of life") == 3
    assert "what its former self held is free when its lease has lapsed" in caplog.text
    disk.free()
    mine.beat()
    with ready.db.read() as session:
        there: Any = workers.present(session)
        assert len(there) == 1
