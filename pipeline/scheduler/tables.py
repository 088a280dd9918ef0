"""The scheduler's tables: Django set up on our database, and migrated there."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings as django_settings
from django.db import InterfaceError, OperationalError
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError as NoConnection
from sqlalchemy.exc import ProgrammingError

from pipeline.app import Runtime
from pipeline.errors import ReelworksError
from pipeline.history.errors import DatabaseUnreachable
from pipeline.settings import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from pipeline.settings.load import Settings

#: The PostgreSQL schema of the scheduler's tables, apart from ours.
SCHEMA = "beat"
#: The PostgreSQL advisory lock for one migration at a time.
MIGRATION_LOCK = 0x5245_454D
#: How long SQLite waits for another writer, seconds.
LOCK_WAIT_S = 30
#: How long PostgreSQL may take to answer a new connection, seconds.
CONNECT_S = 10


def configure(settings: Settings) -> None:
    """Set Django up on our database; does nothing when that is done.

    A process works on one database: raises `RuntimeError` when Django is set up on another.
    """
    ours = django_database(settings)
    if django_settings.configured:
        theirs = django_settings.DATABASES.get("default", {})
        if any(theirs.get(key) != value for key, value in ours.items()):
            raise RuntimeError("Django is already set up on another database in this process")
        return
    django_settings.configure(
        INSTALLED_APPS=["django_celery_beat"],
        DATABASES={"default": ours},
        # What django-celery-beat derives local hours from: ours are in UTC, zones are the rows'.
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        # Nothing is signed with it: no sessions, no forms.
        SECRET_KEY="unused",  # noqa: S106
        # Logging is the command line's and Celery's.
        LOGGING_CONFIG=None,
    )
    django.setup()


def django_database(settings: Settings) -> dict[str, Any]:
    """Say where our database is in Django's words."""
    url = make_url(addresses.database_url(settings))
    if url.get_backend_name() == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.database,
            "OPTIONS": {
                "timeout": LOCK_WAIT_S,
                # A transaction that reads first and writes then would fail when another wrote
                # in between (Django, "SQLite notes: transactions behavior").
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    query = {"connect_timeout": str(CONNECT_S), **url.query}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or "",
        "PORT": str(url.port or ""),
        "OPTIONS": {**query, "options": f"{query.get('options', '')} -c search_path={SCHEMA}"},
    }


def migrate(settings: Settings) -> None:
    """Bring the scheduler's tables up to date, once however many start at the same time.

    Raises `DatabaseUnreachable`, and `ReelworksError` when the schema may not be made.
    """
    from django.core.management import call_command

    ready = Runtime(settings)
    ready.prepare()
    ready.db.dispose()
    configure(settings)
    with reachable(settings), _one_at_a_time(settings):
        call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Turn the errors of a database that does not answer into `DatabaseUnreachable`."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnection) as error:
        url = make_url(addresses.database_url(settings))
        reason = str(getattr(error, "orig", None) or error).strip()
        raise DatabaseUnreachable(url.render_as_string(hide_password=True), reason) from error


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    url = addresses.database_url(settings)
    if url.startswith("sqlite"):
        path = settings.pipeline.paths.state / "beat.migrating"
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": CONNECT_S}
    )
    try:
        with engine.connect() as connection:
            # Held until this connection ends.
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
            _make_schema(connection)
            yield
    finally:
        engine.dispose()


def _make_schema(connection: Connection) -> None:
    found = connection.execute(
        text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA}
    )
    # CREATE SCHEMA IF NOT EXISTS needs the right to create one even where it exists.
    if found.first() is not None:
        return
    try:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    except ProgrammingError as error:
        user = connection.engine.url.username
        raise ReelworksError(
            "configuration",
            f"The database user {user!r} may not make the schema {SCHEMA!r}.",
            f"Let the database's owner run: CREATE SCHEMA {SCHEMA} AUTHORIZATION {user}",
        ) from error
