"""A database without room on its disk says so, with the number of bytes, and is still read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from pipeline.history import events, schema
from pipeline.history.database import Database
from pipeline.history.disk import LEAST, NEEDED
from pipeline.history.errors import DatabaseFull
from pipeline.models import Event, Job
from tests.faults.mounts import Disk


@pytest.fixture
def database_address(disk: Disk) -> str:
    """SQLite on a disk of its own, whatever the environment says."""
    return f"sqlite:///{disk.folder}/reelworks.db"


def test_nothing_is_begun_without_room_and_reading_goes_on(
    db: Database, new_job: Callable[..., Job], disk: Disk
) -> None:
    new_job()
    disk.fill(leaving=LEAST // 2)
    with pytest.raises(DatabaseFull, match=f"needs about {NEEDED:,} bytes in {disk.folder}"):
        db.begin().__enter__()
    with db.read() as session:
        assert len(session.scalars(select(Job)).all()) == 1


def test_ends_can_be_told_while_nothing_new_may_begin(db: Database, disk: Disk) -> None:
    disk.fill(leaving=NEEDED // 2)
    assert db.lacks_room() is not None
    with db.begin() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0
    disk.free()
    assert db.lacks_room() is None


def test_a_disk_that_gets_full_in_the_midst_is_told_the_same_way_and_nothing_is_kept(
    db: Database, new_job: Callable[..., Job], disk: Disk
) -> None:
    job = new_job()

    def fill_and_write() -> None:
        with db.begin() as session:
            disk.fill(leaving=0)
            events.add(session, job.id, "long", "x" * 1_000_000)

    with pytest.raises(DatabaseFull) as raised:
        fill_and_write()
    assert re.search(r"\d[\d,]* bytes", raised.value.message)
    assert raised.value.code == "no_space"
    assert raised.value.transient
    disk.free()
    with db.read() as session:
        assert session.scalars(select(Event).where(Event.kind == "long")).all() == []


def test_a_first_connection_to_a_full_disk_is_told_the_same_way(
    db: Database, database_address: str, disk: Disk
) -> None:
    db.dispose()
    disk.fill(leaving=0)
    another = Database(database_address)
    with pytest.raises(DatabaseFull), another.begin():
        raise AssertionError("there was room")
    another.dispose()
    disk.free()
    schema.upgrade(db)


def test_that_it_was_full_is_known_to_every_process_for_a_while(
    db: Database, database_address: str, disk: Disk
) -> None:
    assert not db.was_full_lately()
    disk.fill(leaving=0)
    assert db.lacks_room() is not None
    disk.free()
    another = Database(database_address)
    assert another.was_full_lately()
    another.dispose()


def test_a_server_says_it_of_its_own_disk() -> None:
    class DiskFull(Exception):
        sqlstate = "53100"

    server = Database("postgresql+psycopg://reelworks:secret@127.0.0.1:1/reelworks")
    said = DiskFull("could not extend file: No space left on device")
    with pytest.raises(DatabaseFull) as raised, server.read():
        raise OperationalError("INSERT", {}, said)
    assert "No space left on device" in raised.value.message
    assert "secret" not in raised.value.message
    assert server.lacks_room() is None
    assert not server.was_full_lately()


def test_a_folder_that_cannot_be_looked_at_is_left_to_sqlite(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path}/gone/reelworks.db")
    (tmp_path / "gone").rmdir()
    assert gone.lacks_room() is None
