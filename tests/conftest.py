"""Fixtures every depth of test shares: a database and a broker, embedded or at given addresses.

`REELWORKS_DATABASE`, `REELWORKS_BROKER` and `REELWORKS_RESULTS` make the same tests run against
PostgreSQL, Redis or RabbitMQ; without them everything is embedded.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from pipeline.app import Runtime, runtime
from pipeline.history import jobs, schema
from pipeline.history.database import Database
from tests.faults.mounts import Disk, small_disks
from tests.system import (
    Alerts,
    System,
    emptied,
    running_system,
    server_database_for,
    write_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import URL

    from pipeline.models import Job


# How long one example takes tells how busy the machine is.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of the shared system come last.

    Its workers stay until the end, and would take what other tests put on a given broker.
    """
    items.sort(key=lambda item: "system" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def server_database() -> Iterator[URL | None]:
    """A database of our own on the given server, dropped at the end; None when embedded."""
    with server_database_for() as database:
        yield database


@pytest.fixture
def database_address(server_database: URL | None, tmp_path: Path) -> str:
    """The address of a database for one test."""
    if server_database is None:
        return f"sqlite:///{tmp_path}/reelworks.db"
    return server_database.render_as_string(hide_password=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk that can be filled, for a state folder or a database."""
    with small_disks(tmp_path / "disks") as disks:
        if not disks:
            pytest.skip("no disk can be mounted here")
        yield disks["state"]


@pytest.fixture
def db(database_address: str) -> Iterator[Database]:
    """A migrated, empty database."""
    database = Database(database_address)
    schema.upgrade(database)
    if database.url.get_backend_name() != "sqlite":
        emptied(database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def system(
    tmp_path_factory: pytest.TempPathFactory, server_database: URL | None
) -> Iterator[System]:
    """A whole running system, shared by the tests of a session: give files names of their own."""
    with running_system(tmp_path_factory.mktemp("system"), server_database) as started:
        yield started


@pytest.fixture
def new_job(db: Database) -> Callable[..., Job]:
    """Make jobs: `new_job(fingerprint="…", profile="…", …)`."""

    def make(**wishes: Any) -> Job:
        facts: dict[str, Any] = {
            "source_path": "/inbox/clip.mp4",
            "source_bytes": 1000,
            "source_mtime_ns": 1,
            "fingerprint": uuid.uuid4().hex,
            "profile": "web",
            "priority": 5,
            "library_subfolder": "",
            "on_success": "keep",
            "on_failure": "keep",
            "archive_to": None,
            "quarantine_to": None,
            "deadline": timedelta(hours=1),
        }
        with db.begin() as session:
            return jobs.create(session, jobs.NewJob(**{**facts, **wishes}))[0]

    return make


@pytest.fixture
def ready(
    db: Database, database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    """This process's runtime, on a configuration and a database of the test's own."""
    config = write_config(tmp_path, Alerts(url="json://127.0.0.1:1/"))
    monkeypatch.setenv("REELWORKS_CONFIG", str(config))
    monkeypatch.setenv("REELWORKS_DATABASE", database_address)
    runtime.cache_clear()
    mine = runtime()
    mine.prepare()
    for entry in mine.settings.pipeline.watch:
        entry.path.mkdir(parents=True)
    yield mine
    mine.db.dispose()
    runtime.cache_clear()
