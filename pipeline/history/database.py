"""Connections to SQLite or PostgreSQL that behave alike: real transactions, short waits."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import create_engine, event, func, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from pipeline.history.errors import DatabaseUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, CursorResult, Engine, Update
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

#: How long a writer waits for another one, seconds: far longer than any transaction of ours.
LOCK_WAIT_S = 30


class Database:
    """The database at `url`. Open one a process, after any fork; `dispose` it at the end.

    `begin` is for writing: it commits at the end of the block, rolls back when the block raises,
    and on SQLite takes the write lock at once (BEGIN IMMEDIATE), so that what was read inside
    is still true when it is written. `read` is for looking only.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = make_engine(self.url)
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        readers = self.engine.execution_options(reelworks_read=True)
        self._readers = sessionmaker(readers, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a write transaction. Raises `DatabaseUnreachable` when nobody answers."""
        with self._reachable(), self._writers.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only look at one consistent state."""
        with self._reachable(), self._readers() as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if error.connection_invalidated or "connect" in str(error.orig).lower():
                shown = self.url.render_as_string(hide_password=True)
                raise DatabaseUnreachable(shown, str(error.orig)) from error
            raise


def make_engine(url: URL) -> Engine:
    """Build the engine for `url`, with what each kind of database needs to be safe."""
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments: dict[str, Any] = {"connect_timeout": 10}
    return create_engine(url, pool_pre_ping=True, connect_args=arguments)


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own implicit BEGIN comes too late to make read-then-write safe, so it is off
    # and `_begin_sqlite` says BEGIN (SQLAlchemy, "Serializable isolation / Savepoints" for SQLite).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("reelworks_read", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def now(session: Session) -> datetime:
    """Tell the time by the database's clock, so that leases hold between machines.

    SQLite lives on one machine: there the machine's own clock is the database's.
    """
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def changed(session: Session, statement: Update) -> int:
    """Run a conditional update and tell how many rows it changed."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def ping(database: Database) -> None:
    """Ask the database for a sign of life. Raises `DatabaseUnreachable`."""
    with database.read() as session:
        session.execute(text("SELECT 1"))
