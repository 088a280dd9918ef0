"""Numbers and times as people read them, and sentences that are safe to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.history.words import message_words, step_word
from pipeline.web.templating import (
    about,
    breakable,
    clock,
    moment,
    percent,
    prose,
    query,
    size_words,
    took,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 * 1.5, "1.5 MiB"),
        (1024**3, "1.0 GiB"),
        (1024**4 * 3, "3.0 TiB"),
    ],
)
def test_sizes(count: float, words: str) -> None:
    assert size_words(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0:00"), (9.6, "0:10"), (59.6, "1:00"), (3661, "1:01:01")],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert clock(seconds) == words


def test_a_whole_is_only_said_of_what_is_whole() -> None:
    assert percent(0.999) == "99\u202f%"
    assert percent(1.0) == "100\u202f%"


def test_how_long_it_took() -> None:
    assert took(NOON, NOON + timedelta(seconds=1.24)) == "1.2 s"
    assert took(NOON, NOON + timedelta(minutes=3)) == "3:00"
    assert took(NOON, None) == took(None, NOON) == ""
    assert moment(NOON) == "2026-01-01 12:00 UTC"


def test_steps_are_named_as_people_call_them() -> None:
    assert [step_word(name) for name in ("probe", "rendition:720p", "rendition:audio", "new")] == [
        "Examine",
        "720p",
        "Audio",
        "new",
    ]


def test_what_is_between_backticks_is_code_and_nothing_becomes_markup() -> None:
    assert prose("Use `a <b>` & more") == "Use <code>a &lt;b&gt;</code> &amp; more"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("rendition:720p-hevc started", "720p-hevc started"),
        ("rendition:audio: It went wrong.", "Audio: It went wrong."),
        ("rendition:720p, rendition:audio: It broke.", "720p, Audio: It broke."),
        ("range:001, range:002 done", "Part 1, Part 2 done"),
        ("probe done", "Examine done"),
        ("planned 720p, audio", "planned 720p, audio"),
        ("probed nothing", "probed nothing"),
    ],
)
def test_the_log_names_steps_as_the_page_does(message: str, words: str) -> None:
    assert message_words(message) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (12.0, "less than a minute left"),
        (130.0, "about 2 min left"),
        (7300.0, "about 2 h 2 min left"),
    ],
)
def test_how_long_it_still_takes(seconds: float | None, words: str) -> None:
    assert about(seconds) == words


def test_long_paths_break_after_slashes_and_nothing_becomes_markup() -> None:
    assert breakable("/a/<b>") == "/<wbr>a/<wbr>&lt;b&gt;"


def test_an_address_holds_what_is_asked() -> None:
    assert query({"state": "failed", "name": "a b", "profile": None}) == "?state=failed&name=a+b"
    assert query({"state": None}) == ""
