"""Claims, leases and fences, on a real database."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from pipeline.errors import ReelworksError, TransientError
from pipeline.history import events, freeing, jobs, steps, tallies
from pipeline.history.errors import LeaseLost
from pipeline.history.steps import Claim, Refusal
from pipeline.models import Attempt, Job, JobState, Step, StepState
from tests.integration.history.taking import (
    do,
    lapse,
    outcomes,
    planned,
    step,
    take,
    try_take,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.database import Database


def test_a_claim_makes_the_job_run_and_numbers_the_attempt(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    assert claimed.attempts == {"probe": 1}
    with db.read() as session:
        view = jobs.view(session, job.id)
    assert (view.state, view.steps[0].state, view.steps[0].worker) == (
        "running",
        "running",
        "encode@a",
    )


def test_a_held_step_is_refused_until_its_lease_lapses(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    take(db, job.id, "probe")
    assert try_take(db, job.id, "probe", owner="encode@b/task-2") is Refusal.HELD
    lapse(db)
    assert take(db, job.id, "probe", owner="encode@b/task-2").attempts == {"probe": 2}
    assert outcomes(db, job.id, "probe") == ["lost", None]


def test_of_many_claims_at_once_one_wins(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    results: list[Claim | Refusal] = []
    start = threading.Barrier(6)

    def race(number: int) -> None:
        start.wait()
        results.append(try_take(db, job.id, "probe", owner=f"encode@a/{number}"))

    racers = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(isinstance(result, Claim) for result in results) == 1
    assert results.count(Refusal.HELD) == 5


def test_a_step_waits_for_those_before_it(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    assert try_take(db, job.id, "thumbnail") is Refusal.EARLY
    do(db, job.id, "probe")
    assert try_take(db, job.id, "manifest") is Refusal.EARLY
    assert isinstance(try_take(db, job.id, "thumbnail"), Claim)


def test_done_work_is_not_claimed_again(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    do(db, job.id, "probe")
    assert try_take(db, job.id, "probe") is Refusal.DONE


def test_of_a_unit_only_what_is_not_done_is_claimed(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = planned(db, new_job(), "rendition:720p", "rendition:480p")
    do(db, job.id, "rendition:720p")
    claimed = take(db, job.id, "rendition:720p", "rendition:480p")
    assert claimed.names == ("rendition:480p",)


def test_an_ended_job_gives_no_work(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    with db.begin() as session:
        assert jobs.end(session, job.id, JobState.CANCELLED)
    assert try_take(db, job.id, "probe") is Refusal.ENDED
    assert try_take(db, "no such job", "probe") is Refusal.ENDED


def test_after_the_deadline_nothing_is_claimed(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job(deadline=timedelta(seconds=-1))
    assert try_take(db, job.id, "probe") is Refusal.EXPIRED


def test_a_step_lost_too_often_is_exhausted(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    for number in range(3):
        take(db, job.id, "probe", owner=f"n/{number}")
        lapse(db)
    assert try_take(db, job.id, "probe") is Refusal.EXHAUSTED


def test_a_heartbeat_extends_the_lease_and_records_progress(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    before = step(db, job.id, "probe").lease_until
    with db.begin() as session:
        steps.heartbeat(session, claimed, 0.25)
    after = step(db, job.id, "probe")
    assert after.progress == 0.25
    assert before is not None
    assert after.lease_until is not None
    assert after.lease_until > before


def test_a_heartbeat_keeps_every_step_of_a_unit_whatever_their_attempts(
    db: Database, new_job: Callable[..., Job]
) -> None:
    names = ("rendition:720p", "rendition:480p")
    job = planned(db, new_job(), *names)
    take(db, job.id, "rendition:720p", owner="encode@b/task-1")
    lapse(db)
    claimed = take(db, job.id, *names)
    assert claimed.attempts == {"rendition:720p": 2, "rendition:480p": 1}
    with db.begin() as session:
        steps.heartbeat(session, claimed, 0.25)
    assert [step(db, job.id, name).progress for name in names] == [0.25, 0.25]
    stale = Claim(job.id, claimed.owner, {**claimed.attempts, "rendition:480p": 2}, 1)
    with pytest.raises(LeaseLost), db.begin() as session:
        steps.heartbeat(session, stale, 0.5)
    assert [step(db, job.id, name).progress for name in names] == [0.25, 0.25]


def test_who_was_taken_over_can_neither_beat_nor_publish(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    first = take(db, job.id, "probe")
    lapse(db)
    take(db, job.id, "probe", owner="encode@b/task-2")
    with pytest.raises(LeaseLost), db.begin() as session:
        steps.heartbeat(session, first, 0.9)
    with pytest.raises(LeaseLost), db.begin() as session, steps.publishing(session, first):
        pytest.fail("the fence let a stale attempt through")
    assert step(db, job.id, "probe").owner == "encode@b/task-2"


def test_a_lapsed_lease_publishes_nothing_even_if_nobody_took_over(
    db: Database, new_job: Callable[..., Job]
) -> None:
    claimed = take(db, new_job().id, "probe")
    lapse(db)
    with pytest.raises(LeaseLost), db.begin() as session, steps.publishing(session, claimed):
        pytest.fail("the fence let a lapsed lease through")


def test_a_cancelled_job_stops_its_holder_at_the_next_heartbeat(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    with db.begin() as session:
        jobs.end(session, job.id, JobState.CANCELLED)
    with pytest.raises(LeaseLost), db.begin() as session:
        steps.heartbeat(session, claimed, 0.5)


def test_publishing_that_raises_leaves_the_step_as_it_was(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    with (
        pytest.raises(RuntimeError),
        db.begin() as session,
        steps.publishing(session, claimed),
    ):
        raise RuntimeError
    assert step(db, job.id, "probe").state is StepState.RUNNING


def test_an_error_that_can_pass_sends_the_step_back_to_wait(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    with db.begin() as session:
        error = TransientError("no_space", "The disk is full.")
        steps.fail(session, claimed, error, retry_in=timedelta(seconds=7), log="tail")
        said = events.since(session, job.id)[-1].message
    row = step(db, job.id, "probe")
    assert (row.state, row.retry_at is not None) == (StepState.WAITING, True)
    assert outcomes(db, job.id, "probe") == ["retried"]
    assert said == "probe: The disk is full; again in 7 s"


def test_an_error_that_stays_fails_the_step_for_good(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    with db.begin() as session:
        error = ReelworksError("not_media", "It is a text.")
        steps.fail(session, claimed, error, retry_in=None, log="x" * 50_000)
    assert step(db, job.id, "probe").state is StepState.FAILED
    assert try_take(db, job.id, "probe") is Refusal.FAILED
    with db.read() as session:
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.error_code, len(attempt.log or "")) == ("not_media", steps.LOG_LIMIT)


def test_a_stopping_worker_gives_its_step_back_without_counting_the_try(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    with db.begin() as session:
        jobs.mark_published(session, job.id)
    claimed = take(db, job.id, "probe")
    with db.begin() as session:
        steps.release(session, claimed)
    row = step(db, job.id, "probe")
    assert (row.state, row.tries, row.attempt) == (StepState.WAITING, 0, 1)
    with db.read() as session:
        assert jobs.get(session, job.id).published_at is None


def test_a_dead_worker_frees_what_it_held_and_nothing_else(
    db: Database, new_job: Callable[..., Job]
) -> None:
    mine, other = new_job(), new_job()
    take(db, mine.id, "probe", owner="encode@a/dead/task-1")
    take(db, other.id, "probe", owner="encode@ab/dead/task-2")
    with db.begin() as session:
        assert freeing.release_node(session, "encode@a", lambda owner: "/dead/" in owner) == {
            mine.id
        }
    assert step(db, mine.id, "probe").state is StepState.WAITING
    assert step(db, other.id, "probe").state is StepState.RUNNING
    with db.begin() as session:
        assert freeing.release_task(session, "task-2") == {other.id}
    assert outcomes(db, other.id, "probe") == ["lost"]


def test_the_dead_of_a_role_are_freed_by_whatever_name_one_comes_back(
    db: Database, new_job: Callable[..., Job]
) -> None:
    first, second, living, card = new_job(), new_job(), new_job(), new_job()
    take(db, first.id, "probe", owner="encode@a/dead/task-1")
    take(db, second.id, "probe", owner="encode.2@a/dead/task-2")
    take(db, living.id, "probe", owner="encode.3@a/alive/task-3")
    take(db, card.id, "probe", owner="encode-gpu@a/dead/task-4")
    with db.begin() as session:
        freed = freeing.release_role(session, "encode", lambda owner: "/dead/" in owner)
    assert freed == {first.id, second.id}
    assert step(db, living.id, "probe").state is StepState.RUNNING
    assert step(db, card.id, "probe").state is StepState.RUNNING


def test_a_second_worker_of_the_same_name_keeps_what_it_holds(
    db: Database, new_job: Callable[..., Job]
) -> None:
    former, second = new_job(), new_job()
    take(db, former.id, "probe", owner="encode@a/dead/task-1")
    living = take(db, second.id, "probe", owner="encode@a/alive/task-2")
    with db.begin() as session:
        freed = freeing.release_node(session, "encode@a", lambda owner: "/dead/" in owner)
    assert freed == {former.id}
    with db.begin() as session:
        steps.heartbeat(session, living, 0.5)
    assert step(db, second.id, "probe").progress == 0.5


def test_what_was_stopped_by_us_is_no_try(db: Database, new_job: Callable[..., Job]) -> None:
    job = new_job()
    for _ in range(4):  # more often than a step may be tried
        with db.begin() as session:
            claimed = steps.claim(session, job.id, ["probe"], owner="encode@a/dead/t", limit=3)
            assert isinstance(claimed, Claim)
        with db.begin() as session:
            assert freeing.release_node(session, "encode@a", lambda _: True, stopped=True) == {
                job.id
            }
    with db.read() as session:
        (probe,) = [one for one in jobs.get(session, job.id).steps if one.name == "probe"]
        assert (probe.state, probe.attempt, probe.tries) == (StepState.WAITING, 4, 0)


def test_what_somebody_took_over_meanwhile_is_not_freed(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    take(db, job.id, "probe", owner="encode@a/dead/task-1")
    with db.begin() as session:

        def dies_and_is_replaced(_owner: str) -> bool:
            session.execute(update(Step).values(owner="encode@b/alive/task-2"))
            return True

        assert freeing.release_node(session, "encode@a", dies_and_is_replaced) == set()
    assert step(db, job.id, "probe").state is StepState.RUNNING


def test_a_lapsed_step_is_freed_once_and_a_live_one_is_not(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    take(db, job.id, "probe")
    with db.begin() as session:
        assert freeing.release_lapsed(session, job.id) == set()
    lapse(db)
    with db.begin() as session:
        assert freeing.release_lapsed(session, job.id) == {job.id}
    with db.begin() as session:
        assert freeing.release_lapsed(session, job.id) == set()
    assert outcomes(db, job.id, "probe") == ["lost"]
    assert step(db, job.id, "probe").tries == 1


def test_what_was_made_again_is_counted_and_may_be_tried_afresh(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = planned(db, new_job(), "rendition:a", "rendition:b")
    do(db, job.id, "rendition:a", "rendition:b")
    with db.begin() as session:
        steps.reopen(session, job.id, ["rendition:a"], "gone")
    assert step(db, job.id, "rendition:a").tries == 0
    do(db, job.id, "rendition:a")
    with db.read() as session:
        assert tallies.times_done(session, job.id, ["rendition:a", "rendition:b"]) == 2
        assert tallies.times_done(session, job.id, ["rendition:b"]) == 1
        assert tallies.times_done(session, job.id, ["manifest"]) == 0
