"""What runs by the clock is done once for each moment, and its result is kept."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import Reject
from celery.worker import state
from sqlalchemy import select, update

from pipeline.app import Runtime, app
from pipeline.history import schedule_runs
from pipeline.history.database import now
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.schedule_runs import LOST, Beginning, Looking, Outcome, Run
from pipeline.models import ScheduleRun
from pipeline.tasks import runs
from pipeline.tasks.owner import _started, is_dead, process
from pipeline.tasks.timed import Timed, Told
from tests.integration.tasks.clockwork import EVENING, MORNING, count, result, send, spoil, tell

if TYPE_CHECKING:
    from collections.abc import Callable


def run_of(task_id: str, owner: str = "notify@a/place.1.1/t") -> Run:
    return Run("yaml:a", "t", task_id, owner)


def begun(ready: Runtime, run: Run, due: str | None = None) -> None:
    due_at = None if due is None else datetime.fromisoformat(due)
    with ready.db.begin() as session:
        begun = schedule_runs.begin(session, run, due_at=due_at, dead=is_dead)
        assert begun is Beginning.BEGUN


def dead_owner(task_id: str) -> str:
    """Name who did a run in a process of this machine that is no more."""
    return f"notify@a/{process().partition('.')[0]}.{2**22 + 1}.1/1/{task_id}"


@app.task(base=Timed, name="tests.dawdle_once")
def dawdle_once(times: list[int]) -> None:
    times.append(1)
    time.sleep(0.5)


def test_a_moment_is_done_once_however_often_it_is_sent(ready: Runtime) -> None:
    times: list[int] = []
    for due in (MORNING, MORNING, EVENING, MORNING, EVENING):
        send(count, times, due=due)
    assert len(times) == 2
    told = result(ready)
    assert told is not None
    assert (told.outcome, told.summary, told.task_id) == ("done", "2 found", f"t{EVENING}")


def test_a_run_whose_worker_was_killed_is_done_when_its_message_comes_back(ready: Runtime) -> None:
    times: list[int] = []
    begun(ready, run_of(f"t{MORNING}", dead_owner(f"t{MORNING}")), MORNING)
    send(count, times, due=MORNING)
    send(count, times, due=MORNING)
    assert len(times) == 1


@pytest.mark.parametrize("due", [None, MORNING])
@pytest.mark.parametrize("lives", [True, False], ids=["ends", "is lost"])
def test_who_gets_the_message_of_a_run_that_goes_on_does_it_only_once_that_is_lost(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, due: str | None, *, lives: bool
) -> None:
    first, times = run_of(f"t{due}", f"notify@b/elsewhere.1.1/1/t{due}"), list[int]()
    begun(ready, first, due)
    looks: list[float] = []

    def look(_: float) -> None:
        assert times == []
        looks.append(1)
        if len(looks) < 3:
            with ready.db.begin() as session:
                assert schedule_runs.beat(session, first)
        elif lives:
            with ready.db.begin() as session:
                schedule_runs.finish(session, first, Outcome.DONE, "by the first", {})
        else:
            with ready.db.begin() as session:
                session.execute(update(ScheduleRun).values(lease_until=now(session)))

    monkeypatch.setattr(time, "sleep", look)
    send(count, times, due=due, task_id=f"t{due}")
    assert len(looks) == 3
    assert len(times) == (0 if lives else 1)
    told = result(ready)
    assert told is not None
    assert told.summary == ("by the first" if lives else "1 found")


def test_of_two_deliveries_in_one_worker_at_once_one_is_done(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "LOOK_S", 0.05)
    times: list[int] = []
    both = threading.Barrier(2)

    def deliver() -> None:
        both.wait(10)
        send(dawdle_once, times, due=MORNING)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(deliver) for _ in range(2)]:
            done.result(30)
    assert len(times) == 1


def test_a_worker_that_is_to_stop_gives_back_the_message_of_a_run_that_goes_on(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(ready, run_of(f"t{MORNING}", f"notify@b/elsewhere.1.1/1/t{MORNING}"), MORNING)
    monkeypatch.setattr(state, "should_stop", 0)
    with pytest.raises(Reject) as rejected:
        send(count, [], due=MORNING)
    told: Any = rejected.value
    assert told.requeue


def test_a_run_that_another_beats_message_began_is_not_done_again(ready: Runtime) -> None:
    times: list[int] = []
    begun(ready, run_of("another"), MORNING)
    send(count, times, due=MORNING)
    assert times == []


def test_runs_are_done_after_one_that_a_wrong_clock_began(ready: Runtime) -> None:
    times: list[int] = []
    ahead = datetime.now(UTC) + timedelta(days=365)
    for due in (ahead.isoformat(), ahead.isoformat(), MORNING, MORNING, EVENING):
        send(count, times, due=due)
    assert len(times) == 3


def test_a_run_for_no_certain_moment_is_always_done(ready: Runtime) -> None:
    times: list[int] = []
    for due in (None, MORNING, None):
        send(count, times, due=due)
    assert len(times) == 3


def test_what_a_task_tells_and_what_went_wrong_is_kept(ready: Runtime) -> None:
    send(tell)
    told = result(ready)
    assert told is not None
    assert (told.summary, told.facts) == ("all well", {"n": 1})
    assert told.finished_at is not None
    with pytest.raises(ValueError, match="no room"):
        send(spoil)
    told = result(ready)
    assert told is not None
    assert (told.outcome, told.summary) == ("failed", "no room")


def test_who_calls_it_without_a_row_of_beat_leaves_no_result(ready: Runtime) -> None:
    assert tell() == Told("all well", {"n": 1})
    assert result(ready) is None


@app.task(base=Timed, name="tests.dawdle")
def dawdle(ready: Runtime, enough: Callable[[], bool]) -> None:
    while not enough():
        time.sleep(0.05)


def test_a_long_run_shows_that_it_goes_on_far_beyond_its_first_lease(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_runs, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(runs, "BEAT_S", 0.1)
    began, seen = time.monotonic(), []

    def enough() -> bool:
        seen.append(result(ready))
        return time.monotonic() - began > 2.5

    send(dawdle, ready, enough)
    assert {told.outcome for told in seen if told} == {"running"}
    told = result(ready)
    assert told is not None
    assert told.outcome == "done"


def test_a_heartbeat_that_the_database_does_not_take_ends_no_run(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runs, "BEAT_S", 0.01)
    away = DatabaseUnreachable("there", "connection refused")
    beats: list[bool] = []

    def beat(*_: object, **__: object) -> bool:
        beats.append(True)
        raise away

    monkeypatch.setattr(schedule_runs, "beat", beat)
    with caplog.at_level(logging.WARNING):
        send(dawdle, ready, lambda: len(beats) > 2)
    assert "yaml:a: a heartbeat was lost: The database at there" in caplog.text
    told = result(ready)
    assert told is not None
    assert told.outcome == "done"


def test_a_run_whose_lease_lapsed_is_told_as_lost_and_as_running_once_it_beats_again(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("t")
    monkeypatch.setattr(schedule_runs, "LEASE", timedelta(0))
    begun(ready, run)
    told = result(ready)
    assert told is not None
    assert (told.outcome, told.summary) == ("lost", "its worker ended before it did")
    assert told.finished_at is None
    with ready.db.read() as session:
        assert schedule_runs.spoilt(session, 5) == [("yaml:a", "its worker ended before it did")]
        full = Looking(is_dead, full=True)
        found = schedule_runs.result(session, "yaml:a", full)
        assert found is not None
        assert found.outcome == "running"
    monkeypatch.undo()
    with ready.db.begin() as session:
        assert schedule_runs.beat(session, run)
        assert schedule_runs.spoilt(session, 5) == []
    told = result(ready)
    assert told is not None
    assert told.outcome == "running"


def test_a_run_of_a_worker_that_was_killed_here_is_lost_at_once(ready: Runtime) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        place = process().partition(".")[0]
        begun(ready, run_of("t", f"notify@a/{place}.{other.pid}.{_started(other.pid)}/t"))
        told = result(ready)
        assert told is not None
        assert told.outcome == "running"
        other.kill()
    told = result(ready)
    assert told is not None
    assert told.outcome == "lost"


@pytest.mark.parametrize("before", ["none", "dead", "lapsed"])
def test_a_run_of_an_earlier_release_is_lost_only_after_a_day(ready: Runtime, before: str) -> None:
    owner = f"notify@a/{process().partition('.')[0]}.{2**22 + 1}.1/before"
    begun(ready, run_of("before", owner))
    old: dict[str, Any] = {"task_id": "t", "outcome": "running", "finished_at": None}
    with ready.db.begin() as session:
        if before == "none":
            old |= {"owner": None, "lease_until": None}
        if before == "dead":  # as an earlier release's own end left it
            old |= {"lease_until": None}
        session.execute(update(ScheduleRun).values(started_at=now(session), **old))
    for age, outcome in ((timedelta(0), "running"), (timedelta(days=1, hours=1), "lost")):
        with ready.db.begin() as session:
            session.execute(update(ScheduleRun).values(started_at=now(session) - age))
            told = schedule_runs.spoilt(session, 5)
            assert told == ([("yaml:a", LOST)] if outcome == "lost" else [])
        found = result(ready)
        assert found is not None
        assert found.outcome == outcome


def test_who_has_ended_a_run_holds_it_no_more(ready: Runtime) -> None:
    run = run_of("t")
    begun(ready, run)
    with ready.db.begin() as session:
        schedule_runs.finish(session, run, Outcome.DONE, "", {})
        row = session.scalars(select(ScheduleRun)).one()
        assert (row.owner, row.lease_until) == (None, None)


def test_who_is_slow_to_end_a_run_that_another_worker_got_too_does_not_end_it(
    ready: Runtime,
) -> None:
    slow, other = run_of("t", "notify@a/place.1.1/1/t"), run_of("t", "notify@b/place.2.1/1/t")
    begun(ready, slow, MORNING)
    with ready.db.begin() as session:  # it beats no more
        session.execute(update(ScheduleRun).values(lease_until=now(session)))
    begun(ready, other, MORNING)
    with ready.db.begin() as session:
        schedule_runs.finish(session, slow, Outcome.DONE, "slow", {})
    told = result(ready)
    assert told is not None
    assert told.outcome == "running"
    with ready.db.begin() as session:
        schedule_runs.finish(session, other, Outcome.FAILED, "other", {})
        schedule_runs.finish(session, slow, Outcome.DONE, "slow", {})
    told = result(ready)
    assert told is not None
    assert (told.outcome, told.summary) == ("failed", "other")


def test_who_was_followed_by_a_later_run_neither_beats_nor_ends_it(ready: Runtime) -> None:
    first, later = run_of("first"), run_of("later")
    begun(ready, first)
    begun(ready, later)
    with ready.db.begin() as session:
        assert not schedule_runs.beat(session, first)
        schedule_runs.finish(session, first, Outcome.DONE, "", {})
    told = result(ready)
    assert told is not None
    assert (told.task_id, told.outcome) == ("later", "running")
