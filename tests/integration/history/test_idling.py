"""A step that waits for its turn has tried nothing yet; one that is worked on has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from pipeline.errors import TransientError
from pipeline.history import freeing, jobs, plans, steps
from pipeline.history.database import now
from pipeline.history.repair import Decision, decide
from pipeline.history.steps import Claim, Refusal
from pipeline.models import Attempt, Job, StepState
from tests.integration.history.taking import lapse, outcomes, planned, step, take, try_take

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.database import Database

#: Two steps of one unit: they are claimed together.
NAMES = ("rendition:a", "rendition:b")
LIMIT = 3


@pytest.fixture
def job(db: Database, new_job: Callable[..., Job]) -> Job:
    return planned(db, new_job(), *NAMES)


def beat(db: Database, claimed: Claim, *, idle: bool) -> None:
    with db.begin() as session:
        steps.heartbeat(session, claimed, 0.0, idle=idle)


def taken_again(db: Database, job: Job, *, idle: bool) -> Claim:
    """Claim its steps after a try that counts; they work, or only wait."""
    take(db, job.id, *NAMES)
    lapse(db)
    claimed = take(db, job.id, *NAMES)
    beat(db, claimed, idle=idle)
    return claimed


def tries(db: Database, job: Job) -> list[int]:
    return [step(db, job.id, name).tries for name in NAMES]


def begun(db: Database, job: Job) -> list[datetime]:
    with db.read() as session:
        steps = jobs.get(session, job.id).steps
        return [step.attempts[-1].started_at for step in steps if step.name in NAMES]


def decision(db: Database, job: Job) -> Decision:
    with db.read() as session:
        return decide(jobs.get(session, job.id), now(session), LIMIT)


def test_a_worker_that_is_lost_while_it_waits_costs_no_try(db: Database, job: Job) -> None:
    for number in range(1, LIMIT + 2):  # more often than a step may be tried
        claimed = take(db, job.id, *NAMES)
        beat(db, claimed, idle=True)
        beat(db, claimed, idle=True)
        assert outcomes(db, job.id, NAMES[0]) == ["lost"] * (number - 1) + ["waits"]
        lapse(db)
        assert decision(db, job) is Decision.FREE
        with db.begin() as session:
            assert freeing.release_lapsed(session, job.id) == {job.id}
        assert tries(db, job) == [0, 0]


def test_one_that_is_taken_over_while_it_waits_costs_no_try(db: Database, job: Job) -> None:
    for _ in range(LIMIT + 1):
        beat(db, take(db, job.id, *NAMES), idle=True)
        lapse(db)
    assert take(db, job.id, *NAMES).tries == 1


def test_a_try_counts_once_its_turn_has_come(db: Database, job: Job) -> None:
    for number in range(1, LIMIT + 1):
        claimed = take(db, job.id, *NAMES)
        beat(db, claimed, idle=True)
        beat(db, claimed, idle=False)
        beat(db, claimed, idle=False)
        assert tries(db, job) == [number, number]
        lapse(db)
    assert outcomes(db, job.id, NAMES[0]) == ["lost", "lost", None]
    assert decision(db, job) is Decision.EXHAUST
    assert try_take(db, job.id, *NAMES) is Refusal.EXHAUSTED


def test_how_long_it_works_is_counted_from_when_its_turn_came(db: Database, job: Job) -> None:
    claimed = take(db, job.id, *NAMES)
    with db.begin() as session:
        long_ago = now(session) - timedelta(hours=1)
        session.execute(update(Attempt).values(started_at=long_ago))
    beat(db, claimed, idle=True)
    assert begun(db, job) == [long_ago, long_ago]
    beat(db, claimed, idle=False)
    with db.read() as session:
        assert all(now(session) - at < timedelta(minutes=1) for at in begun(db, job))


@pytest.mark.parametrize("idle", [False, True])
def test_a_try_at_what_is_uncut_counts_once_however_its_step_waits(
    db: Database, job: Job, *, idle: bool
) -> None:
    claimed = taken_again(db, job, idle=idle)
    with db.begin() as session:
        row = jobs.get(session, job.id, lock=True)
        plans.give_up_ranges(session, row, {}, [("all", NAMES)], "no range fits")
    assert tries(db, job) == [0 if idle else 1] * 2
    beat(db, claimed, idle=False)
    assert tries(db, job) == [1, 1]


@pytest.mark.parametrize("idle", [False, True])
def test_a_step_given_back_counts_no_try_whether_it_waited_or_not(
    db: Database, job: Job, *, idle: bool
) -> None:
    claimed = taken_again(db, job, idle=idle)
    with db.begin() as session:
        steps.release(session, claimed)
    assert tries(db, job) == [1, 1]
    claimed = take(db, job.id, *NAMES, owner="encode@a/dead/t")
    beat(db, claimed, idle=idle)
    with db.begin() as session:
        assert freeing.release_node(session, "encode@a", lambda _: True, stopped=True) == {job.id}
    assert tries(db, job) == [1, 1]


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("uncount", [False, True])
def test_what_fails_counts_also_when_it_waited(
    db: Database, job: Job, *, idle: bool, uncount: bool
) -> None:
    claimed = take(db, job.id, *NAMES)
    beat(db, claimed, idle=idle)
    with db.begin() as session:
        trouble = TransientError("system", "No locks are left.")
        soon = timedelta(seconds=1)
        assert steps.fail(session, claimed, trouble, retry_in=soon, log="", uncount=uncount)
    assert tries(db, job) == [0 if uncount else 1] * 2
    assert step(db, job.id, NAMES[0]).state is StepState.WAITING
    assert outcomes(db, job.id, NAMES[0]) == ["retried"]
