"""When a worker has died, what it was doing is free at once and not when its lease lapses.

When the broker has, what it had not written down yet is published again soon.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.history import freeing
from pipeline.history.repair import TAKEN
from pipeline.history.views import SHORT_ID
from pipeline.stack import valkey
from pipeline.tasks.owner import is_dead
from pipeline.tasks.resumption import send_reconcile

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: How long a broker that is started again is waited for, seconds; without it the clock does it.
BACK_S = 10.0
LOOK_S = 0.2


def take_back(node: str) -> str | None:
    """Free what the dead worker `node` held and have its jobs published again; says of which.

    Another worker of that name, started beside it, keeps what it holds. Call it when nothing of
    the worker is left: its encoders too must be gone. Raises `DatabaseUnreachable`, or the
    broker's error; then the lease lapses and the reconciler does it.
    """
    db = runtime().db
    release = partial(freeing.release_node, node=node, dead=is_dead, full_at=db.last_full())
    freed = db.write(release)
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
    runtime().db.write(partial(freeing.release_node, node=node, dead=is_dead, stopped=True))


def mend_broker(settings: Settings) -> str | None:
    """Set aside a file that the embedded broker died of, and have lost messages sent again.

    Says what it mended.
    """
    said = valkey.set_damaged_aside(settings)
    until = time.monotonic() + BACK_S
    while not valkey.answers(settings) and time.monotonic() < until:
        time.sleep(LOOK_S)
    # Not at once: what was published a moment before it died is seen to be lost only then.
    send_reconcile(worker_began=True, in_s=TAKEN.total_seconds() + 1)
    return said
