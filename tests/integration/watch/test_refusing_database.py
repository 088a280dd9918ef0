"""A database that refuses, mostly over a full disk: new files wait, and all are taken later."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from pipeline import watch
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseFull

if TYPE_CHECKING:
    from tests.integration.watch.conftest import Watched


def test_over_a_full_disk_new_files_wait_and_are_taken_when_there_is_room(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = [DatabaseFull.on_disk(watched.root, 16_777_216, 4096)]
    monkeypatch.setattr(Database, "lacks_room", lambda *_: next(iter(full), None))
    with caplog.at_level(logging.INFO), watched.watching():
        (watched.inbox / "film.mkv").write_text("a film")
        watched.quietly()
        assert watched.names() == []
        full.clear()
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert watched.problem is None
    assert caplog.text.count("new files wait: The database needs about 16,777,216 bytes") == 1
    assert caplog.text.count("there is room again") == 1


def test_a_watcher_that_waits_for_room_can_be_stopped_in_the_midst_of_that(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = DatabaseFull.on_disk(watched.root, 16_777_216, 4096)
    monkeypatch.setattr(Database, "lacks_room", lambda *_: full)
    watcher, slept = watch.Watcher(watched.ready), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        watcher.stop()  # as the handler of a signal does, inside whatever is interrupted

    monkeypatch.setattr("pipeline.watch.time.sleep", sleep)
    watcher.run()
    assert len(slept) == 1


FULL = DatabaseFull.on_disk(Path("/state"), 16_777_216, 4096)
UNFORESEEN = OperationalError("UPDATE", {}, Exception("1305, 'there is no such thing'"))


@pytest.mark.parametrize("files", [1, watch.MANY])
@pytest.mark.parametrize("trouble", [FULL, UNFORESEEN], ids=["full", "unforeseen"])
def test_files_over_which_the_database_refused_are_taken_later(
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    files: int,
    trouble: Exception,
) -> None:
    monkeypatch.setattr(watch, "AGAIN_S", 0.5)
    names = [f"film{number:02}.mkv" for number in range(files)]
    outside = watched.root / "outside"
    outside.mkdir()
    for name in names:
        (outside / name).write_text(f"a film named {name}")
    begin = Database.begin
    refused: list[int] = []

    def refuse_twice(database: Database, **how: bool) -> Any:
        if len(refused) < 2:
            refused.append(1)
            raise trouble
        return begin(database, **how)

    watched.rules(settle_seconds=0.2)
    with watched.watching():
        monkeypatch.setattr(Database, "begin", refuse_twice)
        outside.rename(watched.inbox / "card")
        watched.until(lambda: watched.names() == names)
    assert watched.problem is None
    assert len(refused) == 2
    said = FULL.message if trouble is FULL else f"{watched.inbox} is looked through again, after an"
    assert said in caplog.text
