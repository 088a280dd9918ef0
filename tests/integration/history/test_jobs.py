"""Jobs are made once, end once, and can be run again."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, listing, schema
from pipeline.history.database import Database, now
from pipeline.history.errors import DatabaseUnreachable, JobNotFound, WrongState
from pipeline.history.which import Which
from pipeline.models import Attempt, Job, JobState, OutboxRow, Step, StepState
from tests.integration.history.taking import do, outcomes, planned, step, take

if TYPE_CHECKING:
    from collections.abc import Callable

BAD = ReelworksError("not_media", "It is a text.", "Give a video.")


def end(db: Database, job: Job, state: JobState, *channels: str) -> bool:
    error = BAD if state is JobState.FAILED else None
    with db.begin() as session:
        return jobs.end(session, job.id, state, error=error, step="probe", channels=channels)


def test_the_same_content_under_the_same_profile_is_one_job(
    db: Database, new_job: Callable[..., Job]
) -> None:
    first = new_job(fingerprint="f")
    assert new_job(fingerprint="f", source_path="/inbox/copy.mp4").id == first.id
    assert new_job(fingerprint="f", profile="mobile").id != first.id
    assert new_job(fingerprint="g").id != first.id


def test_of_many_submissions_at_once_one_makes_the_job(
    db: Database, new_job: Callable[..., Job]
) -> None:
    ids: list[str] = []
    start = threading.Barrier(6)

    def race() -> None:
        start.wait()
        ids.append(new_job(fingerprint="raced").id)

    racers = [threading.Thread(target=race) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1
    with db.read() as session:
        assert len(session.scalars(select(Job)).all()) == 1
        assert len(session.scalars(select(Step)).all()) == 3


def test_a_job_ends_once_and_owes_one_alert_a_channel(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    assert end(db, job, JobState.FAILED, "team", "phone", "team")
    assert not end(db, job, JobState.SUCCEEDED, "team")
    with db.read() as session:
        view = jobs.view(session, job.id)
        owed = [(row.event, row.channel) for row in session.scalars(select(OutboxRow))]
    assert view.state == "failed"
    assert view.error is not None
    assert (view.error.code, view.error.step) == ("not_media", "probe")
    assert owed == [("failed", "team"), ("failed", "phone")]


def test_a_job_that_ends_again_as_before_owes_an_alert_for_each_run(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    for _ in range(2):
        assert end(db, job, JobState.FAILED, "team")
        assert not end(db, job, JobState.FAILED, "team")
        with db.begin() as session:
            jobs.reopen(session, job.id, timedelta(hours=1), afresh=True)
    with db.read() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.id))
        assert [(row.event, row.run) for row in rows] == [("failed", 1), ("failed", 2)]


def test_only_the_run_that_was_looked_at_is_ended(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    end(db, job, JobState.FAILED)
    with db.begin() as session:
        jobs.reopen(session, job.id, timedelta(hours=1), afresh=True)
    with db.begin() as session:
        assert not jobs.end(session, job.id, JobState.EXPIRED, run=1)
        assert jobs.view(session, job.id).state == "queued"
        assert jobs.end(session, job.id, JobState.EXPIRED, run=2)


def test_a_retry_keeps_what_was_done(db: Database, new_job: Callable[..., Job]) -> None:
    job = planned(db, new_job(), "rendition:240p", "rendition:144p")
    do(db, job.id, "rendition:240p")
    end(db, job, JobState.FAILED)
    with db.begin() as session:
        jobs.reopen(session, job.id, timedelta(hours=1), afresh=False)
    with db.read() as session:
        view = jobs.view(session, job.id)
    assert (view.state, view.run, view.error, view.finished_at) == ("queued", 2, None, None)
    assert view.started_at is None, "how long it took is told of the run that made it"
    assert {s.name: s.state for s in view.steps} == {
        "probe": "done",
        "thumbnail": "done",
        "rendition:240p": "done",
        "rendition:144p": "waiting",
        "manifest": "waiting",
    }


def test_a_retry_afresh_forgets_the_plan(db: Database, new_job: Callable[..., Job]) -> None:
    job = planned(db, new_job(), "rendition:240p")
    end(db, job, JobState.CANCELLED)
    with db.begin() as session:
        jobs.reopen(session, job.id, timedelta(hours=1), afresh=True)
    with db.read() as session:
        row = jobs.get(session, job.id)
        assert row.plan is None
        assert {s.name: s.state for s in row.steps} == dict.fromkeys(
            ("probe", "thumbnail", "manifest"), StepState.WAITING
        )


@pytest.mark.parametrize("state", [None, JobState.SUCCEEDED])
def test_only_ended_and_unsuccessful_jobs_are_retried(
    db: Database, new_job: Callable[..., Job], state: JobState | None
) -> None:
    job = new_job()
    if state:
        end(db, job, state)
    with pytest.raises(WrongState, match=r"still queued|nothing to retry"), db.begin() as session:
        jobs.reopen(session, job.id, timedelta(hours=1), afresh=False)


def test_of_many_who_retry_at_once_one_begins_a_run(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    end(db, job, JobState.FAILED)
    start = threading.Barrier(4)
    refused: list[str] = []

    def race() -> None:
        start.wait()
        try:
            with db.begin() as session:
                seen = jobs.find(session, job.id)
                time.sleep(0.2)  # what was seen is old by the time the row is locked
                jobs.reopen(session, seen.id, timedelta(hours=1), afresh=False)
        except WrongState as error:
            refused.append(error.message)

    racers = [threading.Thread(target=race) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(refused) == 3
    assert all("still queued" in message for message in refused)
    with db.read() as session:
        assert jobs.view(session, job.id).run == 2
        assert [one.kind for one in events.since(session, job.id)].count("retried") == 1


def test_a_job_is_found_by_the_beginning_of_its_id(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    with db.read() as session:
        assert jobs.view(session, job.id[:6].upper()).id == job.id
        with pytest.raises(JobNotFound, match="no job 'zzz'"):
            jobs.view(session, "zzz")
        with pytest.raises(JobNotFound):
            jobs.view(session, "")


def test_an_id_that_several_jobs_begin_with_asks_for_more(
    db: Database, new_job: Callable[..., Job]
) -> None:
    letters = [new_job().id[0] for _ in range(17)]  # sixteen letters: one comes twice
    twice = next(letter for letter in letters if letters.count(letter) > 1)
    with db.read() as session, pytest.raises(JobNotFound, match="More than one job"):
        jobs.view(session, twice)


def test_jobs_are_listed_newest_first_and_by_state(
    db: Database, new_job: Callable[..., Job]
) -> None:
    old, new = new_job(), new_job()
    end(db, old, JobState.FAILED)
    with db.read() as session:
        assert [view.id for view in listing.newest(session)] == [new.id, old.id]
        assert [view.id for view in listing.newest(session, limit=1)] == [new.id]
        failed = Which(state=JobState.FAILED)
        assert [view.id for view in listing.newest(session, which=failed)] == [old.id]
        counts = listing.count_exactly(session)
        assert listing.count(session).by_state == counts
    assert (counts["failed"], counts["queued"], counts["expired"]) == (1, 1, 0)


def test_progress_weighs_the_steps_and_reaches_one_only_at_success(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = planned(db, new_job(), "rendition:240p", "rendition:144p")
    with db.read() as session:
        assert jobs.view(session, job.id).progress == 0.04
    do(db, job.id, "rendition:240p")
    with db.read() as session:
        assert jobs.view(session, job.id).progress == 0.47
    do(db, job.id, "rendition:144p")
    do(db, job.id, "manifest")
    with db.read() as session:
        assert jobs.view(session, job.id).progress == 0.999
    end(db, job, JobState.SUCCEEDED)
    with db.read() as session:
        assert jobs.view(session, job.id).progress == 1.0


def test_ending_a_job_stops_its_running_steps(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    take(db, job.id, "probe")
    end(db, job, JobState.CANCELLED)
    assert step(db, job.id, "probe").lease_until is None


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.FAILED, JobState.EXPIRED])
def test_ending_a_job_ends_the_tries_that_go_on(
    db: Database, new_job: Callable[..., Job], state: JobState
) -> None:
    job = planned(db, new_job(), "rendition:240p", "rendition:144p")
    do(db, job.id, "rendition:144p")
    take(db, job.id, "rendition:240p")
    with db.begin() as session:
        assert jobs.end(session, job.id, state)
    assert outcomes(db, job.id, "rendition:240p") == ["cancelled"]
    assert outcomes(db, job.id, "rendition:144p") == ["done"]
    with db.read() as session:
        open_ones = select(Attempt).where(Attempt.finished_at.is_(None))
        assert session.scalars(open_ones).all() == []


def test_events_tell_the_story_in_order(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    do(db, job.id, "probe")
    end(db, job, JobState.FAILED)
    with db.read() as session:
        story = events.since(session, job.id)
        assert [event.kind for event in story] == ["found", "step_started", "step_done", "failed"]
        assert events.since(session, job.id, after=story[2].id) == story[3:]


def test_the_database_tells_the_time_in_utc(db: Database) -> None:
    with db.read() as session:
        assert now(session).utcoffset() == timedelta(0)


def test_migrating_a_migrated_database_changes_nothing(db: Database) -> None:
    assert schema.is_current(db)
    schema.upgrade(db)
    assert schema.is_current(db)


def test_the_migrations_make_the_tables_that_the_models_describe(db: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from pipeline.models import Base

    with db.engine.connect() as connection:
        # Some indexes are one kind of database's own, and tables of others are theirs.
        theirs = {
            "ix_jobs_file_name_trigrams",
            "ix_jobs_seq_file_name",
            "ix_jobs_settled_at_finished_at",
        }
        ours = {
            "include_name": lambda n, k, _: (
                n not in theirs and (k != "table" or n in Base.metadata.tables)
            )
        }
        context = MigrationContext.configure(connection, opts=ours)
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("kind", ["postgresql+psycopg", "mysql+pymysql"])
def test_an_absent_database_is_named_with_its_address_but_without_the_password(kind: str) -> None:
    absent = Database(f"{kind}://me:secret@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1") as caught, absent.read() as s:
        s.connection()
    assert "secret" not in str(caught.value)
    assert caught.value.message.isprintable()
    assert caught.value.code == "unreachable"
