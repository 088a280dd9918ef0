"""Notify: send the alerts that ended jobs owe."""

from __future__ import annotations

from pipeline.alerts.outbox import drain
from pipeline.app import app, runtime


@app.task(name="pipeline.notify", ignore_result=True)
def notify() -> None:
    """Drain the outbox; what can't be delivered now is tried again later."""
    ready = runtime()
    drain(ready.db, ready.settings)
