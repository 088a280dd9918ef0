"""Locks that a database server keeps for us, by number: for what only one may do at a time.

They belong to the connection and end with it, so a pooler must not share it with others
(PgBouncer: session pooling). On MySQL they are of one server, not of a cluster.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pipeline.history.postgres import SQLSTATE_LOCKED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

#: How long MySQL waits in one question, seconds: it asks again, and finds out who hung up.
ASKED_S = 10
#: MySQL's locks have names of up to 64 characters, and are the same in all its databases.
NAME = "concat('reelworks:', left(sha1(database()), 20), ':', :lock)"


@contextmanager
def held(connection: Connection, lock: int) -> Iterator[None]:
    """Wait for the lock, and hold it while the block runs; in no transaction, which it outlasts."""
    while not take(connection, lock, wait=True):
        pass
    try:
        yield
    finally:
        try:
            give_back(connection, lock)
        except SQLAlchemyError as error:
            # Also when it was found to be lost before: then it can't even be spoken on.
            logger.info("the lock ended with its connection: %s", error)


def take(connection: Connection, lock: int, *, wait: bool = False) -> bool:
    """Try to take the lock; True when it is held. With `wait` it is waited for, for a while."""
    if connection.dialect.name == "mysql":
        asked = text(f"SELECT get_lock({NAME}, :wait_s)")
        found = connection.execute(asked, {"lock": lock, "wait_s": ASKED_S if wait else 0})
        return bool(found.scalar())
    if wait:
        try:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": lock})
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != SQLSTATE_LOCKED:
                raise
            return False
        return True
    asked = text("SELECT pg_try_advisory_lock(:lock)")
    return bool(connection.execute(asked, {"lock": lock}).scalar())


def give_back(connection: Connection, lock: int) -> None:
    """Let another one have the lock."""
    if connection.dialect.name == "mysql":
        released = text(f"SELECT release_lock({NAME})")
    else:
        released = text("SELECT pg_advisory_unlock(:lock)")
    connection.execute(released, {"lock": lock})
