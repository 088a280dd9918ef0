"""The scheduler's tables: Django set up on our database, and migrated there."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings as django_settings
from django.db import InterfaceError, OperationalError
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError as NoConnection
from sqlalchemy.exc import ProgrammingError

from pipeline.app import Runtime
from pipeline.errors import ReelworksError
from pipeline.history import locks, mysql, postgres
from pipeline.history.database import server_engine
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.waits import LOCK_WAIT_S
from pipeline.settings import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

    from pipeline.settings.load import Settings

#: The PostgreSQL schema of the scheduler's tables, apart from ours; MySQL has one for all.
SCHEMA = "beat"
#: The server's lock for one migration at a time.
MIGRATION_LOCK = 0x5245_454D


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
    if mysql.is_mysql(url):
        return _mysql_database(url)
    told = postgres.told(url)
    told["options"] += f" -c search_path={SCHEMA}"
    return _server("postgresql", url, told)


def _mysql_database(url: URL) -> dict[str, Any]:
    import pymysql

    # Django asks for the driver by the name of another one, which needs a compiler.
    pymysql.install_as_MySQLdb()
    plain, told = mysql.connecting(url)
    return _server("mysql", url, {**_options(plain), **told, "isolation_level": "read committed"})


def _server(kind: str, url: URL, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": f"django.db.backends.{kind}",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or "",
        "PORT": str(url.port or ""),
        "OPTIONS": told,
    }


def _options(url: URL) -> dict[str, Any]:
    """Give what else the address says, with numbers as numbers."""
    said = {name: str(value) for name, value in url.query.items()}
    return {name: int(value) if value.isdigit() else value for name, value in said.items()}


def migrate(settings: Settings) -> None:
    """Bring the scheduler's tables up to date, once however many start at the same time.

    Raises `DatabaseUnreachable`, and `ReelworksError` when the schema may not be made.
    """
    from django.core.management import call_command
    from django.db import close_old_connections

    ready = Runtime(settings)
    ready.prepare()
    ready.db.dispose()
    configure(settings)
    with reachable(settings), _one_at_a_time(settings):
        close_old_connections()  # a server that was started anew has hung up on it
        call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Turn the errors of a database that does not answer into `DatabaseUnreachable`."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnection) as error:
        url = make_url(addresses.database_url(settings))
        reason = mysql.reason(getattr(error, "orig", None) or error)
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
    with server_lock(settings, MIGRATION_LOCK) as connection:
        if connection.dialect.name == "postgresql":
            _make_schema(connection)
        yield


@contextmanager
def server_lock(settings: Settings, lock: int) -> Iterator[Connection]:
    """Hold a lock of the database's server while the block runs, on a connection of its own."""
    url = make_url(addresses.database_url(settings))
    engine = server_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection, locks.held(connection, lock):
            yield connection
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
