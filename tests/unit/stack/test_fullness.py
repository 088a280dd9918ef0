"""The console of `reelworks up` tells that the state folder is full, and that it no longer is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.history.errors import DatabaseFull
from pipeline.settings.load import Settings, load_settings
from pipeline.stack import fullness
from pipeline.stack.fullness import Fullness
from pipeline.stack.supervisor import Notice, What

ENOUGH = 1 << 30


@pytest.fixture
def settings(configured: Callable[[str], Settings], tmp_path: Path) -> Settings:
    (tmp_path / "state").mkdir()
    return configured("paths: {state: ./state}")


def frees(monkeypatch: pytest.MonkeyPatch, *free: int) -> None:
    """Let so many bytes be free at one look after the other; the last stays."""
    left: Iterator[int] = iter(free)
    last = [0]

    def usage(_: Path) -> Any:
        last[0] = next(left, last[0])
        return SimpleNamespace(free=last[0])

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.setattr(fullness, "LOOK_S", 0.0)


def test_each_change_is_told_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    frees(monkeypatch, ENOUGH, 5, 4, ENOUGH, ENOUGH)
    heard: list[Notice] = []
    mine = Fullness(settings, heard.append)
    for _ in range(5):
        mine.tick()
    assert [notice.what for notice in heard] == [What.FULL, What.ROOM]
    assert "needs about 16,777,216 bytes" in heard[0].lines[0]
    assert "5 bytes are free" in heard[0].lines[0]


def test_a_start_waits_for_room(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    frees(monkeypatch, 5, 5, ENOUGH)
    heard: list[Notice] = []
    stopping: Any = SimpleNamespace(asked=False)
    Fullness(settings, heard.append).until_room(stopping)
    assert [notice.what for notice in heard] == [What.FULL, What.ROOM]


def test_a_start_that_waits_can_be_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    frees(monkeypatch, 5)
    stopping: Any = SimpleNamespace(asked=True)
    with pytest.raises(DatabaseFull):
        Fullness(settings, lambda _: None).until_room(stopping)


def test_where_the_database_is_a_server_nothing_waits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    frees(monkeypatch, 5)
    address = {"REELWORKS_DATABASE": "postgresql://reelworks@127.0.0.1/reelworks"}
    elsewhere = load_settings(settings.config_dir, environ=address)
    assert Fullness(elsewhere, lambda _: None).look() is None
