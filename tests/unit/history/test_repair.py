"""What a job needs is decided from its rows and the time alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.history.queued import Queued
from pipeline.history.repair import (
    QUIET,
    RETRY_GRACE,
    TAKEN,
    VERY_QUIET,
    Decision,
    decide,
    sure_of,
)
from pipeline.history.steps import LEASE
from pipeline.models import Job, JobState, Step, StepKind, StepState

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMIT = 3


def step(kind: StepKind, state: StepState = StepState.WAITING, **facts: Any) -> Step:
    return Step(
        **{"name": kind.value, "kind": kind, "position": kind.position, "tries": 0, **facts},
        state=state,
    )


def job(*steps: Step, **facts: Any) -> Job:
    usual: dict[str, Any] = {
        "state": JobState.RUNNING,
        "created_at": NOW - timedelta(hours=1),
        "deadline_at": NOW + timedelta(hours=1),
        "published_at": NOW,
        "publish_count": 1,
        "touched_at": NOW,
    }
    return Job(**{**usual, **facts}, steps=list(steps))


def running(until: timedelta) -> Step:
    return step(StepKind.RENDITION, StepState.RUNNING, lease_until=NOW + until, tries=1)


@pytest.mark.parametrize("state", [state for state in JobState if state.terminal])
def test_an_ended_job_needs_nothing(state: JobState) -> None:
    ended = job(step(StepKind.PROBE, StepState.FAILED), state=state)
    assert decide(ended, NOW, LIMIT) is Decision.NOTHING


def test_a_job_somebody_works_on_needs_nothing_even_past_its_deadline() -> None:
    late = job(running(timedelta(seconds=5)), deadline_at=NOW - timedelta(hours=1))
    assert decide(late, NOW, LIMIT) is Decision.NOTHING


def test_a_failed_step_fails_the_job() -> None:
    failed = job(step(StepKind.PROBE, StepState.FAILED), step(StepKind.MANIFEST))
    assert decide(failed, NOW, LIMIT) is Decision.FAIL


def test_when_every_step_is_done_the_job_has_succeeded() -> None:
    done = job(step(StepKind.PROBE, StepState.DONE), step(StepKind.MANIFEST, StepState.DONE))
    assert decide(done, NOW, LIMIT) is Decision.SUCCEED


def test_a_waiting_job_past_its_deadline_expires() -> None:
    late = job(step(StepKind.PROBE), deadline_at=NOW)
    assert decide(late, NOW, LIMIT) is Decision.EXPIRE


def test_a_lapsed_lease_is_freed_until_the_tries_are_used_up() -> None:
    assert decide(job(running(timedelta(seconds=-1))), NOW, LIMIT) is Decision.FREE
    lost = running(timedelta(seconds=-1))
    lost.tries = LIMIT
    assert decide(job(lost), NOW, LIMIT) is Decision.EXHAUST


def test_a_job_that_never_reached_the_broker_is_published() -> None:
    owed = job(step(StepKind.PROBE), published_at=None, publish_count=0)
    assert decide(owed, NOW, LIMIT) is Decision.PUBLISH


def test_a_job_just_made_is_left_to_who_made_it() -> None:
    fresh = job(step(StepKind.PROBE), published_at=None, publish_count=0, created_at=NOW)
    assert decide(fresh, NOW, LIMIT) is Decision.NOTHING


def test_a_quiet_job_is_published_only_if_its_queue_is_empty() -> None:
    quiet = job(step(StepKind.PROBE), touched_at=NOW - QUIET - timedelta(seconds=1))
    assert decide(quiet, NOW, LIMIT) is Decision.PUBLISH_IF_QUEUE_EMPTY


def test_where_a_worker_began_anew_what_was_taken_a_moment_ago_is_already_missed() -> None:
    taken = job(step(StepKind.PROBE), touched_at=NOW - TAKEN - timedelta(seconds=1))
    assert decide(taken, NOW, LIMIT) is Decision.NOTHING
    assert decide(taken, NOW, LIMIT, quiet=TAKEN) is Decision.PUBLISH_IF_QUEUE_EMPTY
    just = job(step(StepKind.PROBE), touched_at=NOW)
    assert decide(just, NOW, LIMIT, quiet=TAKEN) is Decision.NOTHING
    waiting = [waits(0, TAKEN * 2)]
    assert sure_of(waiting, NOW, lambda *_: 0) == {"job-0"}
    assert sure_of(waiting, NOW, lambda *_: 0, TAKEN) == set()


def test_a_very_quiet_job_is_published_though_its_queue_is_long_but_ever_more_rarely() -> None:
    silence = VERY_QUIET + timedelta(seconds=1)
    assert decide(job(step(StepKind.PROBE), touched_at=NOW - silence), NOW, LIMIT) is (
        Decision.PUBLISH
    )
    again = job(step(StepKind.PROBE), touched_at=NOW - silence, publish_count=2)
    assert decide(again, NOW, LIMIT) is Decision.PUBLISH_IF_QUEUE_EMPTY


def test_a_step_that_waits_for_its_retry_is_left_alone_until_that_is_late() -> None:
    due = NOW - timedelta(seconds=1)
    silent = NOW - QUIET * 2
    waiting = step(StepKind.PROBE, retry_at=due)
    assert decide(job(waiting, touched_at=silent), NOW, LIMIT) is Decision.NOTHING
    later = due + RETRY_GRACE + timedelta(seconds=1)
    assert decide(job(waiting, touched_at=silent), later, LIMIT) is Decision.PUBLISH_IF_QUEUE_EMPTY


def waits(number: int, quiet: timedelta, kind: StepKind = StepKind.PROBE) -> Queued:
    return Queued(f"job-{number}", kind, 1, NOW - quiet)


@pytest.mark.parametrize(
    ("there", "sure"),
    [
        (2, {"job-0", "job-1"}),
        (1, {"job-0"}),
        (None, {"job-0"}),
    ],
)
def test_a_job_surely_waits_when_as_many_messages_do_as_jobs(
    there: int | None, sure: set[str]
) -> None:
    waiting = [waits(0, timedelta()), waits(1, QUIET * 2)]
    assert sure_of(waiting, NOW, lambda *_: there) == sure


def test_messages_of_encodes_say_nothing_about_other_steps() -> None:
    waiting = [waits(0, QUIET * 2), waits(1, QUIET * 2, StepKind.RENDITION)]
    there = {StepKind.PROBE: 0, StepKind.RENDITION: 5}
    assert sure_of(waiting, NOW, lambda kind, _: there[kind]) == {"job-1"}


def test_messages_for_workers_with_a_tag_say_nothing_about_encodes_that_need_another_or_none() -> (
    None
):
    waiting = [
        replace(waits(number, QUIET * 2, StepKind.RENDITION), tag=tag)
        for number, tag in enumerate((None, "a", "b"))
    ]
    there = {None: 0, "a": 9, "b": 1}
    assert sure_of(waiting, NOW, lambda _, tag: there[tag]) == {"job-1", "job-2"}


def test_queues_are_asked_only_when_a_job_is_quiet() -> None:
    def never(*_: object) -> int:
        raise AssertionError("the broker was asked")

    assert sure_of([waits(0, timedelta())], NOW, never) == {"job-0"}


def test_a_job_that_is_held_waits_on_outside_its_hours_and_is_published_in_them() -> None:
    done, rest = step(StepKind.PROBE, StepState.DONE), step(StepKind.RENDITION)
    quiet = NOW - VERY_QUIET * 100
    held = job(done, rest, waits_until=NOW + timedelta(hours=3), touched_at=quiet)
    assert decide(held, NOW, LIMIT, closed=True) is Decision.NOTHING
    assert decide(held, NOW, LIMIT) is Decision.PUBLISH
    owed = job(done, rest, waits_until=NOW + timedelta(hours=3), published_at=None)
    assert decide(owed, NOW, LIMIT, closed=True) is Decision.PUBLISH


def test_a_held_job_whose_poster_was_lost_or_failed_is_looked_after_by_day() -> None:
    until = NOW + timedelta(hours=3)
    lost = step(StepKind.THUMBNAIL, StepState.RUNNING, lease_until=NOW, tries=1)
    assert decide(job(lost, waits_until=until), NOW, LIMIT, closed=True) is Decision.FREE
    failed = step(StepKind.THUMBNAIL, StepState.FAILED)
    assert decide(job(failed, waits_until=until), NOW, LIMIT, closed=True) is Decision.FAIL


HOUR = timedelta(hours=1)


def test_after_the_clock_was_set_back_a_dead_holder_is_not_waited_for() -> None:
    assert decide(job(running(HOUR)), NOW, LIMIT) is Decision.FREE
    assert decide(job(running(LEASE)), NOW, LIMIT) is Decision.NOTHING


def test_after_the_clock_was_set_back_a_lost_message_is_looked_for_at_once() -> None:
    waiting = step(StepKind.PROBE)
    quiet = job(waiting, touched_at=NOW + HOUR, published_at=NOW + HOUR)
    assert decide(quiet, NOW, LIMIT) is Decision.PUBLISH_IF_QUEUE_EMPTY


def test_after_the_clock_was_set_back_a_job_owed_to_the_broker_is_published() -> None:
    owed = job(step(StepKind.PROBE), created_at=NOW + HOUR, published_at=None, publish_count=0)
    assert decide(owed, NOW, LIMIT) is Decision.PUBLISH


def test_a_retry_planned_before_the_clock_was_set_back_is_not_waited_for() -> None:
    retried = step(StepKind.PROBE, retry_at=NOW + HOUR)
    quiet = job(retried, touched_at=NOW - 2 * QUIET)
    assert decide(quiet, NOW, LIMIT) is Decision.PUBLISH_IF_QUEUE_EMPTY
