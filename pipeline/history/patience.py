"""Patience: who must not give up while the database's disk is full waits until there is room."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pipeline.history import events
from pipeline.history.disk import LEAST
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.history.database import Database

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: How often it is looked whether there is room again, seconds: looking costs nothing.
LOOK_S = 1.0


def until_room(db: Database, job_id: str) -> None:
    """Wait until a step of the job may begin: until then its end might not be told."""
    full = db.lacks_room()
    if full is None:
        return
    logger.warning("job %s waits: %s", job_id, full.message)
    try:
        why, hint = f"waits: {full.message}", full.hint
        db.write(lambda session: events.add(session, job_id, "waits_for_room", why, hint=hint))
    except DatabaseFull:
        logger.info("there is not even room to tell of it in the history of job %s", job_id)
    await_room(db.lacks_room)


def until_written(db: Database) -> bool:
    """Wait until something can be written; tells whether that had to be waited for."""
    full = db.lacks_room(LEAST)
    if full is None:
        return False
    logger.warning("what was done is written down later: %s", full.message)
    await_room(partial(db.lacks_room, LEAST))
    return True


def patiently(act: Callable[[], T], *, away_s: float = 0.0) -> T:
    """Do it, and again each time that the database has no room for it; else it is as `act`.

    Also where it does not answer, for so many seconds.
    """
    began, told = time.monotonic(), False
    while True:
        try:
            return act()
        except (DatabaseFull, DatabaseUnreachable) as problem:
            away = isinstance(problem, DatabaseUnreachable)
            if away and time.monotonic() - began >= away_s:
                raise
            if not told:
                logger.warning("it is done later: %s", problem.message)
            told = True
        time.sleep(LOOK_S)


def await_room(lacks: Callable[[], DatabaseFull | None]) -> None:
    """Wait until there is room, as `lacks` has it."""
    while lacks() is not None:
        time.sleep(LOOK_S)


@contextmanager
def unless_full(otherwise: str) -> Iterator[None]:
    """Go on where the disk is full, and only say what is so then: for what leases mend later."""
    try:
        yield
    except DatabaseFull as full:
        logger.warning("%s: %s", otherwise, full.message)
