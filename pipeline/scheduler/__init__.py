"""Beat on our own database: django-celery-beat without a Django project, fed from schedules.yml.

Importing this package imports Django. Only `beat`, `schedules` and the start of the stack do.
"""

from __future__ import annotations

from typing import Any

from pipeline.scheduler.awaiting import Stage, await_end, send
from pipeline.scheduler.entries import BUILT_INS, task_name
from pipeline.scheduler.listing import Row, rows
from pipeline.scheduler.now import find_entry, run_now
from pipeline.scheduler.run import run_beat
from pipeline.scheduler.synchronise import SyncReport, prepare, sync
from pipeline.scheduler.tables import migrate

__all__ = [
    "BUILT_INS",
    "Row",
    "Stage",
    "SyncReport",
    "await_end",
    "find_entry",
    "migrate",
    "prepare",
    "rows",
    "run_beat",
    "run_now",
    "send",
    "sync",
    "task_name",
]


def __getattr__(name: str) -> Any:
    """Give `Scheduler` to `celery beat -S pipeline.scheduler:Scheduler`.

    It is made on demand: its base class has models, which need Django set up on our database.
    """
    if name != "Scheduler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipeline.app import runtime
    from pipeline.scheduler.tables import configure

    configure(runtime().settings)
    from pipeline.scheduler.beat import Scheduler

    return Scheduler
