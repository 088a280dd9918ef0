"""Bring the tables to this release's shape, once, however many parts start at the same time."""

from __future__ import annotations

import fcntl
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from pipeline.history import locks, mysql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

    from pipeline.history.database import Database

# Alembic tells every part that starts which kind of database it sees; nobody asks.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)

MIGRATIONS = Path(__file__).parent.parent / "migrations"
#: The table in which Alembic keeps which migration was the last.
VERSION_TABLE = "alembic_version"
#: The server's lock that migrations hold: any fixed number of our own.
MIGRATION_LOCK = 0x5245_454C


def upgrade(database: Database) -> None:
    """Apply every migration that is missing; does nothing, quickly, when none is.

    Raises `DatabaseUnreachable` when the database does not answer.
    """
    if is_current(database):
        return
    # Imported only by who migrates: every part, and every verb, looks first.
    from alembic import command

    with _one_at_a_time(database):
        if not is_current(database):
            command.upgrade(_config(database), "head")


def is_current(database: Database) -> bool:
    """Whether the tables have the shape this release expects."""
    with database.read() as session:
        if not inspect(session.connection()).has_table(VERSION_TABLE):
            return False
        found = session.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")).all()  # noqa: S608
    return found == [newest()]


def is_empty(database: Database) -> bool:
    """Whether no release has made its tables yet."""
    with database.read() as session:
        return not inspect(session.connection()).has_table(VERSION_TABLE)


def newest() -> str:
    """Give the number of this release's last migration, which its file's name begins with."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return max(file.name.partition("_")[0] for file in files)


def _config(database: Database) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = database.engine
    return config


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    if database.url.get_backend_name() == "sqlite":
        with Path(f"{database.url.database}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    # Outside a transaction: one that says nothing for as long as migrations may take is ended.
    outside = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as connection, locks.held(connection, MIGRATION_LOCK):
        if connection.dialect.name == "mysql":
            mysql.collate(connection)
        yield
