"""Notify: send the alerts that ended jobs owe."""

from __future__ import annotations

from dataclasses import asdict

from pipeline.alerts.outbox import Process, drain
from pipeline.app import app, runtime
from pipeline.tasks.owner import is_dead, process
from pipeline.tasks.timed import Timed, Told


@app.task(base=Timed, name="pipeline.notify", ignore_result=True)
def notify() -> Told:
    """Drain the outbox; what can't be delivered now is tried again later."""
    ready = runtime()
    done = drain(ready.db, ready.settings, process=Process(process(), is_dead))
    return Told(
        f"{done.sent} alerts sent, {done.put_off} put off, {done.given_up} given up", asdict(done)
    )
