"""Parts that run on see what schedules.yml says now, and nothing that is half written or wrong."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.settings.rereading import Schedules

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.settings.conftest import Configuration

NIGHT = 'night: {task: encode, window: "22:00-06:00"}\n'
EVENING = 'evening: {task: encode, window: "18:00-23:00"}\n'


def aged(folder: Path, seconds: float = 60) -> None:
    """Let everything in the folder be that old."""
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def schedules(config: Configuration) -> Schedules:
    config.write("schedules.yml", NIGHT)
    return Schedules(config.load(), time.time)


def test_an_entry_that_is_changed_is_read_again_when_it_was_left_alone_for_a_second(
    config: Configuration, schedules: Schedules
) -> None:
    assert list(schedules.now()) == ["night"]
    config.write("schedules.yml", EVENING)
    assert list(schedules.now()) == ["night"]
    aged(config.folder)
    assert list(schedules.now()) == ["evening"]


def test_what_was_changed_before_the_first_look_is_seen(
    config: Configuration, schedules: Schedules
) -> None:
    config.write("schedules.yml", EVENING)
    aged(config.folder)
    assert list(schedules.now()) == ["evening"]


def test_a_file_that_is_taken_away_for_a_moment_changes_nothing(
    config: Configuration, schedules: Schedules
) -> None:
    aged(config.folder)
    assert list(schedules.now()) == ["night"]
    (config.folder / "schedules.yml").unlink()
    assert list(schedules.now()) == ["night"]
    aged(config.folder)
    assert list(schedules.now()) == []


def test_files_that_have_not_changed_are_not_read_again(
    config: Configuration, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(config.folder)
    schedules.now()
    monkeypatch.setattr("pipeline.settings.rereading.load_settings", None)
    assert list(schedules.now()) == ["night"]


def test_a_wrong_file_is_told_once_and_leaves_the_entries_as_they_were(
    config: Configuration, schedules: Schedules, caplog: pytest.LogCaptureFixture
) -> None:
    config.write("schedules.yml", 'night: {task: encode, window: "soon"}\n')
    aged(config.folder)
    assert [list(schedules.now()) for _ in range(3)] == [["night"]] * 3
    assert len(caplog.records) == 1
    assert "stay as they were" in caplog.text
    assert "is not a window of hours" in caplog.text


def test_a_folder_that_is_gone_leaves_the_entries_as_they_were(
    config: Configuration, schedules: Schedules, caplog: pytest.LogCaptureFixture
) -> None:
    config.folder.rename(config.folder.with_name("elsewhere"))
    assert list(schedules.now()) == ["night"]
    assert "is not there" in caplog.text
