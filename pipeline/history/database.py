"""Connections to SQLite, PostgreSQL or MySQL that behave alike: real transactions, short waits."""

from __future__ import annotations

import logging
import random
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import create_engine, event, func, make_url, select, text, type_coerce
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from pipeline.columns import Instant
from pipeline.errors import order_to_stop
from pipeline.history import mysql, postgres
from pipeline.history.disk import LEAST, NEEDED, Disk
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.history.waits import LOCK_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import URL, Connection, CursorResult, Engine, Update
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import ConnectionPoolEntry

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: What SQLite says where there is no room, though not always.
FULL = "database or disk is full"
#: The code with which PostgreSQL says so ("disk_full").
SQLSTATE_FULL = "53100"
#: Those with which it says that it undid a transaction ("serialization_failure",
#: "deadlock_detected"), or that others at the same rows had to be waited for for too long.
SQLSTATES_UNDONE = frozenset({"40001", "40P01", postgres.SQLSTATE_LOCKED})
#: How often a transaction is done at most, and how long is waited before it is done again: up to
#: so many seconds, and as many more each time.
MOST_UNDONE = 6
AGAIN_S = 0.1


class Database:
    """The database at `url`. Open one a process, after any fork; `dispose` it at the end.

    `begin` is for writing: it commits at the end of the block, rolls back when the block raises,
    and on SQLite takes the write lock at once (BEGIN IMMEDIATE), so that what was read inside
    is still true when it is written. `read` is for looking only. An order to stop in the midst of
    either ends it as that, whatever the driver made of it.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = make_engine(self.url)
        self._writers = sessionmaker(self.engine, expire_on_commit=False)
        durably = self.engine.execution_options(reelworks_durable=True)
        self._durably = sessionmaker(durably, expire_on_commit=False)
        readers = self.engine.execution_options(reelworks_read=True)
        self._readers = sessionmaker(readers, expire_on_commit=False)
        self._disk = Disk.of(url)

    @contextmanager
    def begin(self, *, durable: bool = False) -> Iterator[Session]:
        """Open a write transaction.

        Raises `DatabaseUnreachable` when nobody answers, and `DatabaseFull`, also at its end.

        With `durable` it is on the disk when the block has ended, and all before it: do so before
        you take away what could not be made again, or a loss of power would leave neither.
        """
        full = self.lacks_room(LEAST)
        if full is not None:
            raise full
        writers = self._durably if durable else self._writers
        with self._reachable(), writers.begin() as session:
            yield session

    def write(self, act: Callable[[Session], T], *, durable: bool = False) -> T:
        """Do it in a write transaction, and give what came of it. Raises as `begin` does.

        A server undoes one of two transactions that wait for each other, so that the other can go
        on: that one is done again. So `act` reads and writes rows, and has no other effect, or one
        that it does not have twice.
        """
        for number in range(1, MOST_UNDONE):
            try:
                with self.begin(durable=durable) as session:
                    return act(session)
            except OperationalError as error:
                if not is_undone(error.orig or error):
                    raise
                logger.info("a transaction is done again: %s", mysql.reason(error.orig or error))
            # By chance, or they would meet again.
            time.sleep(random.uniform(0, AGAIN_S * number))  # noqa: S311 - guards nothing
        with self.begin(durable=durable) as session:
            return act(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only look at one consistent state."""
        with self._reachable(), self._readers() as session:
            yield session

    def lacks_room(self, needed: int = NEEDED) -> DatabaseFull | None:
        """Say that less than so many bytes are free for it: then nothing new is to begin.

        None when there is room, and of servers, which say so themselves.
        """
        return None if self._disk is None else self._disk.lacks(needed)

    def was_full_lately(self) -> bool:
        """Whether there was no room for it until a moment ago: those who wrote may not know yet."""
        return self._disk is not None and self._disk.was_full_lately()

    def last_full(self) -> datetime | None:
        """When there was last no room for it; None when there always was, and of servers."""
        return None if self._disk is None else self._disk.last_full()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        handled = sys.exception()
        try:
            yield
        except Exception as error:
            stop = order_to_stop(error, handled)
            if stop is not None:
                raise stop from error
            if isinstance(error, (OperationalError, InterfaceError, InternalError)):
                self._tell(error)
            raise

    def _tell(self, error: DBAPIError) -> None:
        """Raise what the error means, where it is the database's own trouble."""
        said = error.orig or error
        if error.connection_invalidated or _is_unreachable(said):
            shown = self.url.render_as_string(hide_password=True)
            raise DatabaseUnreachable(shown, mysql.reason(said)) from error
        full = self._full(said)
        if full is not None:
            raise full from error

    def _full(self, said: BaseException) -> DatabaseFull | None:
        if self._disk is None:
            if getattr(said, "sqlstate", None) != SQLSTATE_FULL and not mysql.is_full(said):
                return None
            shown = self.url.render_as_string(hide_password=True)
            return DatabaseFull.on_server(shown, mysql.reason(said))
        # What it can't enlarge it calls an I/O error, or a file that can't be opened.
        return self._disk.full() if FULL in str(said) else self._disk.lacks(LEAST)


def make_engine(url: URL) -> Engine:
    """Build the engine for `url`, with what each kind of database needs to be safe."""
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return server_engine(url, pool_pre_ping=True)


def server_engine(url: URL, arguments: Mapping[str, Any] | None = None, **options: Any) -> Engine:
    """Build an engine for a server; the driver is told `arguments` besides what it always is."""
    if not mysql.is_mysql(url):
        return create_engine(url, connect_args=postgres.told(url, arguments), **options)
    plain, ours = mysql.connecting(url)
    options = {"isolation_level": "READ COMMITTED", **options}
    engine = create_engine(plain, connect_args={**ours, **(arguments or {})}, **options)
    mysql.prepare(engine)
    return engine


def is_undone(error: BaseException) -> bool:
    """Whether a server undid a transaction over others at the same rows: done again, it passes."""
    return getattr(error, "sqlstate", None) in SQLSTATES_UNDONE or mysql.is_undone(error)


def _is_unreachable(error: BaseException) -> bool:
    return mysql.is_unreachable(error) or "connect" in str(error).lower()


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own implicit BEGIN comes too late to make read-then-write safe, so it is off
    # and `_begin_sqlite` says BEGIN (SQLAlchemy, "Serializable isolation / Savepoints" for SQLite).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    # NORMAL loses the last transactions with the power, but nothing that is in the file is hurt.
    # Servers flush every transaction.
    durable = options.get("reelworks_durable", False)
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    read_only = options.get("reelworks_read", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def now(session: Session) -> datetime:
    """Tell the time by the database's clock, so that leases hold between machines.

    SQLite lives on one machine: there the machine's own clock is the database's.
    """
    kind = session.get_bind().dialect.name
    if kind == "sqlite":
        return datetime.now(UTC)
    clock = func.utc_timestamp(6) if kind == "mysql" else func.clock_timestamp()
    return session.execute(select(type_coerce(clock, Instant()))).scalar_one()


def changed(session: Session, statement: Update) -> int:
    """Run a conditional update and tell how many rows it changed."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def ping(database: Database) -> None:
    """Ask the database for a sign of life. Raises `DatabaseUnreachable`."""
    with database.read() as session:
        session.execute(text("SELECT 1"))
