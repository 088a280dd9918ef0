"""Upkeep: keep the database quick, small and whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, text
from sqlalchemy.exc import DatabaseError, OperationalError

from pipeline.errors import ReelworksError
from pipeline.history.database import now
from pipeline.models import Base, KnownFile, Worker

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.history.database import Database

#: A worker that has said nothing for so long is gone for good.
GONE = timedelta(days=7)
#: A file that was last submitted so long ago, and is no longer there, is forgotten.
UNSEEN = timedelta(days=30)
#: SQLite's file is written anew when so much of it, and so many bytes, are free inside it.
FREE_SHARE, FREE_BYTES = 0.2, 16_000_000
#: How many files are looked for, and forgotten, at a time.
CHUNK = 1000


@dataclass(frozen=True)
class Kept:
    """What was done: rows forgotten, and bytes given back to the disk."""

    workers: int
    known_files: int
    bytes_given_back: int


def upkeep(database: Database) -> Kept:
    """Do all of it; takes minutes on a large database, and locks SQLite only for moments.

    Raises `ReelworksError` (`database_damaged`) when SQLite finds its own file damaged, and
    `DatabaseUnreachable`.
    """
    sqlite = database.url.get_backend_name() == "sqlite"
    if sqlite:
        _check(database)
    workers, files = _forget_workers(database), _forget_files(database)
    given_back = _tidy_sqlite(database) if sqlite else 0
    if not sqlite:
        _tidy_server(database)
    return Kept(workers, files, given_back)


def _check(database: Database) -> None:
    try:
        with database.read() as session:
            found = list(session.execute(text("PRAGMA quick_check(5)")).scalars())
    except OperationalError:
        raise  # it is busy, or can't be reached
    except DatabaseError as error:
        found = [str(error.orig)]
    if found != ["ok"]:
        raise ReelworksError(
            "database_damaged",
            f"The database {database.url.database} is damaged: {'; '.join(map(str, found))}",
            "Stop Reelworks, and put a copy of it back, or rescue it with `sqlite3 … .recover`.",
        )


def _forget_workers(database: Database) -> int:
    def act(session: Session) -> int:
        gone = delete(Worker).where(Worker.seen_at < now(session) - GONE)
        result: Any = session.execute(gone)
        return int(result.rowcount)

    return database.write(act)


def _forget_files(database: Database) -> int:
    """Forget files that are gone; where their folder is gone too, a disk may only be away."""
    after, forgotten = "", 0
    while True:
        with database.read() as session:
            old = (KnownFile.seen_at < now(session) - UNSEEN) & (KnownFile.key > after)
            query = select(KnownFile.key, KnownFile.path).where(old).order_by(KnownFile.key)
            found = session.execute(query.limit(CHUNK)).all()
        if not found:
            return forgotten
        after = found[-1].key
        gone = [row.key for row in found if _gone(row.path)]
        forgotten += database.write(partial(_forget, gone))


def _forget(keys: list[str], session: Session) -> int:
    session.execute(delete(KnownFile).where(KnownFile.key.in_(keys)))
    return len(keys)


def _gone(path: str) -> bool:
    return not os.path.lexists(path) and Path(path).parent.is_dir()


def _tidy_sqlite(database: Database) -> int:
    """Write the log back into the file, and the file anew when much of it is free."""
    _run(database, "PRAGMA optimize")
    with database.read() as session:
        pages, free, size = (
            int(session.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    given_back = 0
    if free * size >= FREE_BYTES and free >= pages * FREE_SHARE:
        _run(database, "VACUUM")
        given_back = free * size
    _run(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    return given_back


def _run(database: Database, statement: str) -> None:
    """Run what can't be part of a transaction on SQLite, past what begins one."""
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
    finally:
        connection.close()


def _tidy_server(database: Database) -> None:
    """Give room of forgotten rows back, which MySQL does by itself; count what is in the tables."""
    with database.engine.connect() as connection:
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        if connection.dialect.name == "mysql":
            outside.execute(text(f"ANALYZE TABLE {', '.join(Base.metadata.tables)}"))
        else:
            outside.execute(text("VACUUM (ANALYZE)"))
