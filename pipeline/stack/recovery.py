"""When a worker has died, what it was doing is free at once and not when its lease lapses."""

from __future__ import annotations

from pipeline.app import app, runtime
from pipeline.history import steps
from pipeline.history.views import SHORT_ID
from pipeline.tasks.owner import is_dead


def take_back(node: str) -> str | None:
    """Free what the dead worker `node` held and have its jobs published again; says of which.

    Another worker of that name, started beside it, keeps what it holds. Call it when nothing of
    the worker is left: its encoders too must be gone. Raises `DatabaseUnreachable`, or the
    broker's error; then the lease lapses and the reconciler does it.
    """
    with runtime().db.begin() as session:
        freed = steps.release_node(session, node, is_dead)
    if not freed:
        return None
    app.send_task("pipeline.reconcile", queue="control", ignore_result=True)
    names = ", ".join(job_id[:SHORT_ID] for job_id in sorted(freed))
    return f"what it worked on goes on at once (job {names})"


def give_back(node: str) -> None:
    """Free what the worker `node` held that did not stop in time and was killed for it.

    Nobody's fault: the try does not count, however often somebody is in a hurry. Call it when
    nothing of the worker is left. Raises `DatabaseUnreachable`.
    """
    with runtime().db.begin() as session:
        steps.release_node(session, node, is_dead, stopped=True)
