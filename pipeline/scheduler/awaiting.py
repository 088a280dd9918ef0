"""Await the end of a run that was sent by hand; and say why, where that can't come."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.history import schedule_runs
from pipeline.history.database import Database, now
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.schedule_runs import Looking, Outcome
from pipeline.scheduler.entries import QUEUES
from pipeline.scheduler.now import find_entry, full_name, run_now
from pipeline.settings import addresses
from pipeline.tasks.owner import is_dead

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pipeline.history.schedule_runs import Result
    from pipeline.settings.load import Settings

#: How often it is looked whether a run has ended, seconds; a long one is looked for less often.
LOOK_S, LOOK_RARELY_S = 0.3, 1.0
LONG_S = 30.0
#: How long a run may be without its worker, seconds: RabbitMQ gives its message to another one,
#: and who was cut off from the database for a moment shows again that it is there.
LOST_S = 15.0
#: How long a run is still looked for after another one, begun since, has ended, seconds: it may
#: have waited for that one, or be over.
PASSED_S = 15.0
#: How long a database that does not answer is waited for, seconds.
AWAY_S = 60.0


class Stage(enum.Enum):
    """What is waited for."""

    TAKEN = "a worker that takes it"
    ENDED = "its end"
    FOUND = "its worker, of which nothing is heard, or another one"
    HEARD = "the database, which does not answer"


@dataclass(frozen=True)
class Sent:
    """A run that was sent by hand; `at` is a moment before that, by the database's clock."""

    task_id: str
    at: datetime


class Wait:
    """What becomes of one run, as its row is looked at again and again.

    `within_s` is how long nobody may take it; `sent` tells its task's id and when it was sent.
    """

    def __init__(self, name: str, queue: str, sent: Sent, within_s: float) -> None:
        self._name, self._queue, self._sent, self._within_s = name, queue, sent, within_s
        self._lost_at: float | None = None
        #: Which run of the row that was begun since has ended, and when that was seen.
        self._passed: tuple[str, float] | None = None
        self.stage = Stage.TAKEN

    def see(self, found: Result | None, at_s: float) -> Result | None:
        """Take in what the row holds so long after the run was sent; gives its end once known.

        Raises `ReelworksError` (`superseded`, `worker_lost`, `not_begun`) when that won't come.
        """
        if found is None or found.task_id != self._sent.task_id:
            self._see_another(found, at_s)
            return None
        if found.finished_at is not None:
            return found
        lost = found.outcome == Outcome.LOST
        self.stage = Stage.FOUND if lost else Stage.ENDED
        if not lost:
            self._lost_at = None
        elif self._lost_at is None:
            self._lost_at = at_s
        elif at_s - self._lost_at >= LOST_S:
            raise self._lost()
        return None

    def _see_another(self, found: Result | None, at_s: float) -> None:
        if self.stage is not Stage.TAKEN:
            raise self._superseded()
        since = found is not None and found.started_at > self._sent.at
        if at_s >= self._within_s:
            raise self._overtaken() if since else self._not_begun()
        if found is None or not since or found.outcome == Outcome.RUNNING:
            self._passed = None
        elif self._passed is None or self._passed[0] != found.task_id:
            self._passed = found.task_id, at_s
        elif at_s - self._passed[1] >= PASSED_S:
            raise self._overtaken()

    def _overtaken(self) -> ReelworksError:
        return ReelworksError(
            "superseded",
            f"Another run of {self._name} began after this one was sent: whether this one was done "
            "before it, or still waits, is not known.",
            f"`reelworks schedules` tells what came of the other one, `reelworks status` whether "
            f"something waits in the queue {self._queue}.",
        )

    def _superseded(self) -> ReelworksError:
        return ReelworksError(
            "superseded",
            f"A later run of {self._name} began before this one had ended: what became of this "
            "one is not kept.",
            "`reelworks schedules` tells what came of the later one.",
        )

    def _lost(self) -> ReelworksError:
        return ReelworksError(
            "worker_lost",
            f"The worker that did {self._name} ended before it did.",
            "See with `reelworks status` that its worker is back, then run it again.",
        )

    def _not_begun(self) -> ReelworksError:
        return ReelworksError(
            "not_begun",
            f"No worker has begun {self._name} within {self._within_s:g} s.",
            f"It stays in the queue {self._queue} until a worker takes it. `reelworks status` "
            "tells which workers answer and what waits; --begin-within waits longer.",
        )


def send(settings: Settings, name: str) -> Sent:
    """Send a run whose end is to be awaited. Raises what `run_now` raises."""
    database = Database(addresses.database_url(settings))
    try:
        with database.read() as session:
            at = now(session)
    finally:
        database.dispose()
    return Sent(run_now(settings, name), at)


def await_end(
    settings: Settings,
    name: str,
    sent: Sent,
    within_s: float,
    tell: Callable[[Stage, float], None],
) -> Result:
    """Wait until a run that was sent has ended; `tell` hears what is waited for, and how long.

    Raises what `Wait` raises, and `DatabaseUnreachable` where that lasts a minute.
    """
    wait = Wait(name, QUEUES[find_entry(settings, name).task], sent, within_s)
    database = Database(addresses.database_url(settings))
    began = heard = time.monotonic()
    try:
        while True:
            waited, stage = time.monotonic() - began, Stage.HEARD
            try:
                ended = wait.see(_look(database, full_name(name)), waited)
            except DatabaseUnreachable:
                if time.monotonic() - heard > AWAY_S:
                    raise
            else:
                heard = time.monotonic()
                if ended is not None:
                    return ended
                stage = wait.stage
            tell(stage, waited)
            time.sleep(LOOK_S if waited < LONG_S else LOOK_RARELY_S)
    finally:
        database.dispose()


def _look(database: Database, row: str) -> Result | None:
    looking = Looking(is_dead, full=database.was_full_lately())
    with database.read() as session:
        return schedule_runs.result(session, row, looking)
