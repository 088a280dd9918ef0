"""Runs: who does what runs by the clock shows that it is alive; beginning and end are kept."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pipeline.history import schedule_runs
from pipeline.history.errors import DatabaseFull
from pipeline.tasks.explain import AWAY
from pipeline.tasks.heartbeat import beating

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.history.database import Database
    from pipeline.history.schedule_runs import Run

logger = logging.getLogger(__name__)
_T = TypeVar("_T")

#: How often a run shows that it goes on, seconds: far below its lease.
BEAT_S = 5.0
#: How often the database is asked again that could not take a run's beginning or end, seconds.
LOOK_S = 1.0
#: How long a database that does not answer is waited for with either, seconds.
AWAY_S = 600.0


class Stopping(Exception):
    """Nothing more is waited for: the worker is to stop."""


def shown_alive(db: Database, run: Run) -> AbstractContextManager[object]:
    """Show, until the block ends, that the run goes on, however long it takes.

    Unless a later run has begun: that one is told of.
    """
    return beating(partial(db.write, partial(schedule_runs.beat, run=run)), run.name, BEAT_S)


def kept(act: Callable[[], _T], what: str) -> _T:
    """Write down `what` of a run, its beginning or end; try again while the database can't take it.

    `act` may do it once more when nobody heard that it was done. A database that is full is waited
    for until it is not, one that does not answer for ten minutes; none by a worker that is to stop.
    Raises what the database said then.
    """
    began, told = time.monotonic(), False
    while True:
        try:
            return act()
        except (DatabaseFull, *AWAY) as problem:
            away = not isinstance(problem, DatabaseFull)
            if _is_stopping() or (away and time.monotonic() - began > AWAY_S):
                raise
            if not told:
                logger.warning("%s is written down later: %s", what, problem)
            told = True
        time.sleep(LOOK_S)


def wait_a_moment() -> None:
    """Wait before something is looked at again. Raises `Stopping` in a worker that is to stop."""
    if _is_stopping():
        raise Stopping("the worker is to stop")
    time.sleep(LOOK_S)


def _is_stopping() -> bool:
    # Imported here: it brings the whole worker with it, which a command line does not need. Its
    # signal comes too late: Celery 5.7 sends it when what is done has ended.
    from celery.worker import state

    # What they hold is an exit code, which may be 0.
    asked = (state.should_stop, state.should_terminate)
    return any(code is not None and code is not False for code in asked)
