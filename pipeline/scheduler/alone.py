"""The one right to send: of all the beats of a system, one holds it and the others stand by.

Two beats would send everything twice, and django-celery-beat does nothing against it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.errors import TransientError
from pipeline.history import locks, mysql
from pipeline.history.database import server_engine
from pipeline.history.waits import SILENT_S
from pipeline.scheduler.tables import reachable
from pipeline.settings import addresses

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO, Any

    from sqlalchemy import URL, Connection

    from pipeline.settings.load import Settings

logger = logging.getLogger(__name__)

#: The server's lock of the beat that sends.
BEAT_LOCK = 0x5245_4542
#: How long another beat's end may go unnoticed by one that stands by, seconds.
STAND_BY_S = 2.0
#: PostgreSQL's client side: a server that does not answer for about ten seconds is gone, and so is
#: our lock. The server frees the lock of a beat whose machine vanished later than that
#: (`postgres.KEEPALIVE`); MySQL, when the beat, who speaks every few seconds unless the broker or
#: the machine keeps it, says nothing for `SILENT_S`.
CLIENT_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
#: How long MySQL's answer may take, seconds.
ANSWER_S = 10


class NotAlone(TransientError):
    """The right to send was lost: this beat must send nothing more, and be started again."""

    def __init__(self, how: str) -> None:
        super().__init__(
            "unreachable",
            f"Beat no longer knows that it is the only one: {how}.",
            "It ends here and stands by when it is started again.",
        )


class Right(Protocol):
    """The right to send, held by at most one process; freed when its holder dies."""

    def take(self) -> bool:
        """Try to take it, without waiting; True when it is held."""

    def check(self) -> None:
        """Make sure that it is still held. Raises `NotAlone`."""

    def give_back(self) -> None:
        """Let another one have it; does nothing when it is not held."""


def right_to_send(settings: Settings) -> Right:
    """Choose the lock that all beats of this system see: those of one database."""
    url = addresses.database_url(settings)
    if url.startswith("sqlite"):
        return FileRight(settings.pipeline.paths.state / "beat.lock")
    return ServerRight(settings)


def stand_by(right: Right) -> bool:
    """Wait until the right is ours; True when another beat had it before."""
    if right.take():
        return False
    logger.info("another beat sends; this one stands by")
    while not right.take():
        time.sleep(STAND_BY_S)
    logger.info("the other beat is gone: this one sends now")
    return True


class FileRight:
    """The right as a lock on a file, for a database that is a file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Try to take it, without waiting; True when it is held."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def check(self) -> None:
        """Make sure that it is still held: by a file that others find. Raises `NotAlone`."""
        if self._file is None:
            raise NotAlone("the lock was given back")
        try:
            there = self._path.stat()
        except FileNotFoundError:
            raise NotAlone(f"{self._path} was removed") from None
        if not _same_file(self._file, there.st_ino, there.st_dev):
            raise NotAlone(f"{self._path} was replaced")

    def give_back(self) -> None:
        """Let another one have it."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _same_file(file: IO[str], inode: int, device: int) -> bool:
    held = os.fstat(file.fileno())
    return (held.st_ino, held.st_dev) == (inode, device)


class ServerRight:
    """The right as a lock of the database's server, on a connection of its own: it ends with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = make_url(addresses.database_url(settings))
        self._engine = server_engine(url, _alertness(url), isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Try to take it, without waiting. Raises `DatabaseUnreachable`."""
        with reachable(self._settings):
            if self._connection is None:
                self._connection = self._engine.connect()
            return locks.take(self._connection, BEAT_LOCK)

    def check(self) -> None:
        """Make sure that its connection lives: the lock ends with it. Raises `NotAlone`."""
        if self._connection is None:
            raise NotAlone("the lock was given back")
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise NotAlone("the connection that held the lock is lost") from error

    def give_back(self) -> None:
        """Let another one have it."""
        if self._connection is not None:
            try:
                # Said, not only hung up: the server frees a closed session's locks a moment later.
                locks.give_back(self._connection, BEAT_LOCK)
            except SQLAlchemyError as error:
                # Also when it was found to be lost before: then it can't even be spoken on.
                logger.info("the lock ended with its connection: %s", error)
            # Closed for good: a pooled session would keep the lock.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()


def _alertness(url: URL) -> dict[str, Any]:
    """Say to the driver how soon both sides are to notice that the other one is gone."""
    if mysql.is_mysql(url):
        _, told = mysql.connecting(url, idle_s=SILENT_S)
        return {**told, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
    return CLIENT_KEEPALIVE
