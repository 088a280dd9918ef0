"""Bring the tables to this release's shape, once, however many parts start at the same time."""

from __future__ import annotations

import fcntl
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.history.database import Database

# Alembic tells every part that starts which kind of database it sees; nobody asks.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)

MIGRATIONS = Path(__file__).parent.parent / "migrations"
#: The PostgreSQL advisory lock that migrations hold: any fixed number of our own.
MIGRATION_LOCK = 0x5245_454C


def upgrade(database: Database) -> None:
    """Apply every migration that is missing; does nothing, quickly, when none is.

    Raises `DatabaseUnreachable` when the database does not answer.
    """
    if is_current(database):
        return
    with _one_at_a_time(database):
        if not is_current(database):
            command.upgrade(_config(database), "head")


def is_current(database: Database) -> bool:
    """Whether the tables have the shape this release expects."""
    head = ScriptDirectory.from_config(_config(database)).get_current_head()
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision() == head


def _config(database: Database) -> Config:
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
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
