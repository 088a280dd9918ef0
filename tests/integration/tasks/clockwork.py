"""Tasks that run by the clock, and how beat has them done."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pipeline.app import Runtime, app
from pipeline.history import schedule_runs
from pipeline.history.schedule_runs import Looking
from pipeline.tasks.owner import is_dead
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


def send(task: Any, *arguments: Any, due: str | None = None, task_id: str = "") -> Any:
    """Do a task as a worker does it, with the headers that beat sends."""
    headers = {ROW: "yaml:a", **({DUE_AT: due} if due else {})}
    task_id = task_id or (f"t{due}" if due else uuid.uuid4().hex)
    task.push_request(id=task_id, args=arguments, called_directly=False, **headers)
    try:
        return task(*arguments)
    finally:
        task.pop_request()


def result(ready: Runtime) -> Result | None:
    with ready.db.read() as session:
        return schedule_runs.result(session, "yaml:a", Looking(is_dead))
