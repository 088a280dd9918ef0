"""What a last look over all batches sees: what came after each of them had been found well."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.history import jobs, schedule_runs, schema
from pipeline.history.database import now
from pipeline.history.schedule_runs import Run
from pipeline.models import Event, Job, JobState, ScheduleRun
from tests.faults import checker, leftovers
from tests.faults.batch import Batch, Dropped
from tests.faults.checker import check_again, lost_tries
from tests.faults.site import Site
from tests.faults.stacks import EMBEDDED, Stack
from tests.system import Alerts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A system that is down, with the tables of one job that ended well."""
    monkeypatch.setattr(checker, "LATER_S", 0.0)
    monkeypatch.setattr(checker, "UNENDED_S", 0.0)
    # It has no broker.
    monkeypatch.setattr(leftovers, "messages", lambda _: [])
    monkeypatch.setattr(Site, "broker", "")
    (tmp_path / "media" / "state").mkdir(parents=True)
    found = Site(tmp_path, Stack(EMBEDDED), Alerts(), {}, tmp_path / "config")
    with found.database() as database:
        schema.upgrade(database)
    end(found, add(found, "round0-0.mp4"), JobState.SUCCEEDED)
    found.alerts.received.append({"title": "round0-0.mp4 is ready"})
    return found


def add(site: Site, name: str) -> str:
    facts = jobs.NewJob(
        source_path=f"/media/inbox/{name}",
        source_bytes=1,
        source_mtime_ns=1,
        fingerprint=name,
        profile="web",
        priority=5,
        library_subfolder="",
        on_success="archive",
        on_failure="quarantine",
        archive_to=None,
        quarantine_to=None,
        deadline=timedelta(hours=1),
    )
    with site.database() as database, database.begin() as session:
        return jobs.create(session, facts)[0].id


def end(site: Site, job_id: str, state: JobState) -> None:
    with site.database() as database, database.begin() as session:
        session.get_one(Job, job_id).state = state
        at = session.get_one(Job, job_id).created_at
        session.add(Event(job_id=job_id, at=at, kind=state.value, message="", data={}))


def batch_of(site: Site) -> Batch:
    """The batch of that job, as it was checked when the round was over."""
    batch = Batch(site.media, site.root / "clips", 0)
    batch.files = [Dropped("round0-0.mp4", "inbox", site.media / "inbox" / "round0-0.mp4")]
    with site.database() as database, database.read() as session:
        batch.ended = {job.id: "succeeded in run 1" for job in session.query(Job)}
    return batch


def test_what_stays_as_it_was_is_well(site: Site) -> None:
    assert check_again(site, [batch_of(site)]) == []


def a_second_alert(site: Site, _: Batch) -> None:
    site.alerts.received *= 2


def a_second_job(site: Site, _: Batch) -> None:
    end(site, add(site, "round7-0.mp4"), JobState.SUCCEEDED)


def a_second_end(site: Site, batch: Batch) -> None:
    end(site, next(iter(batch.ended)), JobState.SUCCEEDED)


def another_end(site: Site, batch: Batch) -> None:
    end(site, next(iter(batch.ended)), JobState.FAILED)


def a_run_without_an_end(site: Site, _: Batch) -> None:
    run = Run("system:reconcile", "pipeline.reconcile", "1", "control@host/1/1")
    with site.database() as database, database.begin() as session:
        schedule_runs.begin(session, run, due_at=None)
        session.get_one(ScheduleRun, run.name).lease_until = now(session) - timedelta(seconds=1)


def results_again(site: Site, _: Batch) -> None:
    (site.media / "library" / "round0-0-1").mkdir(parents=True)


def a_source_again(site: Site, _: Batch) -> None:
    (site.media / "elsewhere").mkdir()
    (site.media / "elsewhere" / "round0-0.mp4").touch()


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (a_second_alert, "was told 2 times"),
        (a_second_job, "round7-0.mp4 has a job that nobody dropped"),
        (a_second_end, "ended 2 times"),
        (another_end, "was succeeded in run 1, and is failed in run 1 now"),
        (a_run_without_an_end, "the run of system:reconcile has no end"),
        (results_again, "round0-0-1 came back"),
        (a_source_again, "round0-0.mp4 came back"),
    ],
)
def test_what_comes_after_a_batch_was_checked_is_seen(
    site: Site, late: Callable[[Site, Batch], None], words: str
) -> None:
    batch = batch_of(site)
    late(site, batch)
    found = check_again(site, [batch])
    assert any(words in one for one in found), found


def test_a_second_try_is_seen_where_none_may_be_lost(site: Site) -> None:
    batch = batch_of(site)
    assert lost_tries(site, batch) == []
    with site.database() as database, database.begin() as session:
        (job,) = session.query(Job)
        job.steps[0].tries = 2
    assert lost_tries(site, batch) == ["round0-0.mp4: probe lost a try"]
