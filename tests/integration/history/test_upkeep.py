"""Upkeep forgets what is gone for good, gives room back, and tells of damage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text, update

from pipeline.errors import ReelworksError
from pipeline.history import known, upkeep
from pipeline.history.database import Database, now
from pipeline.history.known import Identity
from pipeline.models import KnownFile, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.models import Job


def test_workers_and_files_that_are_gone_are_forgotten(
    db: Database, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    job = new_job()
    here, gone, away = tmp_path / "here", tmp_path / "gone", tmp_path / "unmounted/away"
    here.write_text("x")
    with db.begin() as session:
        for file in (here, gone, away):
            known.remember(session, file, "web", Identity(1, 1, 1), job)
        long_ago = now(session) - timedelta(days=60)
        session.execute(update(KnownFile).values(seen_at=long_ago))
        for name, at in (("old", long_ago), ("new", now(session))):
            session.add(Worker(name=name, slots=1, processor=True, hardware={}, seen_at=at))
    done = upkeep.upkeep(db)
    assert (done.workers, done.known_files) == (1, 1)
    with db.read() as session:
        assert set(session.scalars(select(KnownFile.path))) == {str(here), str(away)}
        assert set(session.scalars(select(Worker.name))) == {"new"}


def test_room_that_is_free_inside_sqlites_file_is_given_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.url.get_backend_name() != "sqlite":
        assert upkeep.upkeep(db).bytes_given_back == 0
        return
    monkeypatch.setattr(upkeep, "FREE_BYTES", 100_000)
    file = Path(str(db.url.database))
    with db.begin() as session:
        session.execute(text("CREATE TABLE large AS SELECT zeroblob(1000000) AS x"))
    with db.begin() as session:
        session.execute(text("DROP TABLE large"))
    assert upkeep.upkeep(db).bytes_given_back > 900_000
    assert file.stat().st_size < 900_000
    assert upkeep.upkeep(db).bytes_given_back == 0


def test_a_damaged_database_is_told(db: Database) -> None:
    if db.url.get_backend_name() != "sqlite":
        return
    upkeep.upkeep(db)
    db.dispose()
    file = Path(str(db.url.database))
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(b"\xff" * 8192)
    with pytest.raises(ReelworksError) as caught:
        upkeep.upkeep(db)
    assert caught.value.code == "database_damaged"
