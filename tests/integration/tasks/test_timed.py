"""What runs by the clock is done once for each moment, and its result is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.app import Runtime, app
from pipeline.history import schedule_runs
from pipeline.tasks.timed import DUE_AT, ROW, Timed, Told

if TYPE_CHECKING:
    from pipeline.history.schedule_runs import Result

MORNING, EVENING = "2026-03-01T05:00:00+00:00", "2026-03-01T18:00:00+00:00"


@app.task(base=Timed, bind=True, name="tests.count", counts="{} found")
def count(self: Any, times: list[int]) -> int:
    times.append(1)
    return len(times)


@app.task(base=Timed, name="tests.tell")
def tell() -> Told:
    return Told("all well", {"n": 1})


@app.task(base=Timed, name="tests.spoil")
def spoil() -> None:
    raise ValueError("no room")


def send(task: Any, *arguments: Any, due: str | None = None, row: str = "yaml:a") -> Any:
    """Do a task as a worker does it, with the headers that beat sends."""
    headers = {ROW: row, **({DUE_AT: due} if due else {})}
    task.push_request(id=f"t{due}", args=arguments, called_directly=False, **headers)
    try:
        return task(*arguments)
    finally:
        task.pop_request()


def result(ready: Runtime) -> Result | None:
    with ready.db.read() as session:
        return schedule_runs.result(session, "yaml:a")


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
    due = datetime.fromisoformat(MORNING)
    with ready.db.begin() as session:
        schedule_runs.begin(session, "yaml:a", task="t", task_id=f"t{MORNING}", due_at=due)
    send(count, times, due=MORNING)
    send(count, times, due=MORNING)
    assert len(times) == 1


def test_a_run_that_another_beats_message_began_is_not_done_again(ready: Runtime) -> None:
    times: list[int] = []
    due = datetime.fromisoformat(MORNING)
    with ready.db.begin() as session:
        schedule_runs.begin(session, "yaml:a", task="t", task_id="another", due_at=due)
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
