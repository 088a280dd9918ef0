"""Parts that run on see what schedules.yml says now, and nothing that is half written or wrong."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.settings import rereading
from pipeline.settings.load import load_settings
from pipeline.settings.rereading import Schedules

if TYPE_CHECKING:
    from pipeline.settings.load import Settings
    from tests.unit.settings.conftest import Configuration

NIGHT = 'night: {task: encode, window: "22:00-06:00"}\n'
EVENING = 'evening: {task: encode, window: "18:00-23:00"}\n'


class Clock:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedules(config: Configuration, clock: Clock) -> Schedules:
    config.write("schedules.yml", NIGHT)
    begun = Schedules(config.load(), lambda: clock.at, clock.sleep)
    assert list(begun.now()) == ["night"]
    return begun


def names(schedules: Schedules, clock: Clock, *, after: float = 0.0) -> list[str]:
    clock.at += after
    return list(schedules.now())


def test_a_change_counts_when_two_looks_a_second_apart_find_the_same(
    config: Configuration, schedules: Schedules, clock: Clock
) -> None:
    config.write("schedules.yml", EVENING)
    assert names(schedules, clock, after=60) == ["night"]
    assert names(schedules, clock, after=0.9) == ["night"]
    assert names(schedules, clock, after=0.1) == ["evening"]


def test_a_file_that_is_still_written_to_is_not_taken_however_old_it_says_it_is(
    config: Configuration, schedules: Schedules, clock: Clock
) -> None:
    file = config.folder / "schedules.yml"
    for text in ("# windows\nother: {task: encode, window: '01:00-02:00'}\n", EVENING):
        config.write("schedules.yml", text)
        os.utime(file, (1, 1))  # as `cp -p` and rsync do, and servers whose clock is wrong
        assert names(schedules, clock, after=5) == ["night"]
        assert names(schedules, clock, after=0.5) == ["night"]
    assert names(schedules, clock, after=0.5) == ["evening"]


def test_another_file_of_the_same_size_and_time_is_seen(
    config: Configuration, schedules: Schedules, clock: Clock
) -> None:
    file = config.folder / "schedules.yml"
    was = file.stat()
    new = config.folder / "new"
    new.write_text(NIGHT.replace("22:00", "21:00"))
    os.utime(new, ns=(was.st_atime_ns, was.st_mtime_ns))
    new.replace(file)
    schedules.now()
    clock.at += 1
    assert str(schedules.now()["night"].window).startswith("21:00")


def test_what_was_changed_before_the_first_look_is_seen(
    config: Configuration, clock: Clock
) -> None:
    config.write("schedules.yml", NIGHT)
    begun = Schedules(config.load(), lambda: clock.at, clock.sleep)
    config.write("schedules.yml", EVENING)
    assert names(begun, clock) == ["night"]
    assert names(begun, clock, after=1) == ["evening"]


def test_who_looks_seldom_waits_for_the_second_look_and_only_after_a_change(
    config: Configuration, schedules: Schedules, clock: Clock
) -> None:
    assert list(schedules.settled()) == ["night"]
    assert clock.slept == []
    config.write("schedules.yml", EVENING)
    assert list(schedules.settled()) == ["evening"]
    assert clock.slept == [rereading.SETTLED_S]
    assert list(schedules.settled()) == ["evening"]
    # What changes nothing is not waited for either.
    config.write("schedules.yml", "# Hours\n" + EVENING)
    assert list(schedules.settled()) == ["evening"]
    assert len(clock.slept) == 1


def test_a_file_that_is_taken_away_for_a_moment_changes_nothing(
    config: Configuration, schedules: Schedules, clock: Clock
) -> None:
    file = config.folder / "schedules.yml"
    file.unlink()
    assert names(schedules, clock) == ["night"]
    config.write("schedules.yml", NIGHT)
    assert names(schedules, clock, after=1) == ["night"]
    file.unlink()
    assert names(schedules, clock) == ["night"]
    assert names(schedules, clock, after=1) == []


@pytest.mark.parametrize("text", ["", " \n\n", "# night: {task: encode}\n"])
def test_an_empty_file_is_not_taken_and_told_once(
    config: Configuration,
    schedules: Schedules,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    text: str,
) -> None:
    config.write("schedules.yml", text)
    assert [names(schedules, clock, after=2) for _ in range(4)] == [["night"]] * 4
    assert len(caplog.records) == 1
    assert f"{config.folder / 'schedules.yml'}: it is empty" in caplog.text
    assert "{} in it says" in caplog.text
    config.write("schedules.yml", EVENING)
    names(schedules, clock)
    assert names(schedules, clock, after=1) == ["evening"]


def test_a_file_that_says_that_nothing_is_scheduled_is_taken(
    config: Configuration, schedules: Schedules, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    config.write("schedules.yml", "{}\n")
    assert names(schedules, clock) == ["night"]
    assert names(schedules, clock, after=1) == []
    config.write("schedules.yml", "")
    assert names(schedules, clock) == []
    assert caplog.records == []


def test_files_that_have_not_changed_are_not_read_again(
    schedules: Schedules, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "load_settings", None)
    assert names(schedules, clock, after=60) == ["night"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('night: {task: encode, window: "soon"}\n', "is not a window of hours"),
        ('night: {task: encode, window: !!timestamp "x"}\n', "not a value that YAML knows"),
        (f"night: {'[' * 3000}\n", "it is too deep"),
    ],
)
def test_a_wrong_file_is_told_once_and_leaves_the_entries_as_they_were(
    config: Configuration,
    schedules: Schedules,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    text: str,
    says: str,
) -> None:
    config.write("schedules.yml", text)
    assert [names(schedules, clock, after=1) for _ in range(4)] == [["night"]] * 4
    assert len(caplog.records) == 1
    assert "stay as they were" in caplog.text
    assert says in caplog.text


def test_whatever_reading_raises_is_told_once_and_leaves_the_entries_as_they_were(
    config: Configuration,
    schedules: Schedules,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_: object) -> Settings:
        raise MemoryError("no room")

    monkeypatch.setattr(rereading, "load_settings", fails)
    config.write("schedules.yml", EVENING)
    assert [names(schedules, clock, after=1) for _ in range(4)] == [["night"]] * 4
    (told,) = caplog.records
    assert told.getMessage().endswith("stay as they were: MemoryError: no room")


def test_what_is_written_while_it_is_read_is_not_taken(
    config: Configuration, schedules: Schedules, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write("schedules.yml", EVENING)
    names(schedules, clock)

    def cut(*_: object) -> Settings:
        config.write("schedules.yml", "{}\n")
        return load_settings(config.folder, {})

    with monkeypatch.context() as patch:
        patch.setattr(rereading, "load_settings", cut)
        assert names(schedules, clock, after=1) == ["night"]
    config.write("schedules.yml", EVENING + "# whole\n")
    assert names(schedules, clock, after=1) == ["night"]
    assert names(schedules, clock, after=1) == ["evening"]


def test_a_thread_that_looks_while_another_reads_gets_what_that_one_read(
    config: Configuration, schedules: Schedules, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write("schedules.yml", EVENING)
    names(schedules, clock)
    clock.at += 1
    reads, goes_on = threading.Event(), threading.Event()

    def slow(*_: object) -> Settings:
        reads.set()
        assert goes_on.wait(10)
        return load_settings(config.folder, {})

    monkeypatch.setattr(rereading, "load_settings", slow)
    found: list[list[str]] = []
    looks = [threading.Thread(target=lambda: found.append(list(schedules.now()))) for _ in "ab"]
    looks[0].start()
    assert reads.wait(10)
    looks[1].start()
    looks[1].join(0.1)
    goes_on.set()
    for look in looks:
        look.join(10)
    assert found == [["evening"], ["evening"]]


def test_a_folder_that_is_gone_leaves_the_entries_as_they_were(
    config: Configuration, schedules: Schedules, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    config.folder.rename(config.folder.with_name("elsewhere"))
    assert [names(schedules, clock, after=1) for _ in range(3)] == [["night"]] * 3
    assert len(caplog.records) == 1
    assert "is not there" in caplog.text
