"""Where broker, results and database are, also when they are our own: pure, by the settings."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.tls import with_certificates
from pipeline.settings.urls import EMBEDDED, MYSQL

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: A Unix socket's path must fit into 108 bytes (unix(7)), and what is bound may be longer by a
#: suffix while it starts.
LONGEST_SOCKET_PATH = 100


def broker_is_embedded(settings: Settings) -> bool:
    """Whether we start the broker ourselves."""
    return settings.pipeline.broker == EMBEDDED


def results_is_embedded(settings: Settings) -> bool:
    """Whether results are kept in the broker we start."""
    return settings.pipeline.results == EMBEDDED


def database_is_embedded(settings: Settings) -> bool:
    """Whether the database is SQLite in the state folder."""
    return settings.pipeline.database == EMBEDDED


def socket_path(settings: Settings) -> Path:
    """Name the embedded broker's socket: in the state folder, or, where that path is too long, in
    a private folder below the system's temporary one.
    """
    state = settings.pipeline.paths.state
    path = state / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return Path(f"/tmp/reelworks-{os.getuid()}-{digest}/valkey.sock")  # noqa: S108 - made 0700


def broker_url(settings: Settings) -> str:
    """Give the broker's address as kombu takes it."""
    if broker_is_embedded(settings):
        return f"redis+socket://{socket_path(settings)}?virtual_host=0"
    return settings.pipeline.broker


def results_url(settings: Settings) -> str:
    """Give the result backend's address as Celery takes it."""
    if results_is_embedded(settings):
        return f"redis+socket://{socket_path(settings)}?virtual_host=1"
    address = settings.pipeline.results
    if address.startswith("db+"):
        return f"db+{_with_driver(address.removeprefix('db+'), settings)}"
    return address


def database_url(settings: Settings) -> str:
    """Give the database's address as SQLAlchemy takes it, with the driver that is installed."""
    if database_is_embedded(settings):
        return f"sqlite:///{settings.pipeline.paths.state / 'reelworks.db'}"
    return _with_driver(settings.pipeline.database, settings)


def _with_driver(address: str, settings: Settings) -> str:
    """Name the driver that is installed; make the path of a SQLite file absolute."""
    scheme, slashes, rest = address.partition("://")
    if scheme.startswith("postgresql"):
        return with_certificates(f"postgresql+psycopg{slashes}{rest}", settings.pipeline.tls)
    if scheme in MYSQL:
        return with_certificates(f"mysql+pymysql{slashes}{rest}", settings.pipeline.tls)
    if address.startswith("sqlite:///"):
        path, mark, options = address.removeprefix("sqlite:///").partition("?")
        return f"sqlite:///{settings.root / path}{mark}{options}"
    return address
