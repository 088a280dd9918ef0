"""What is said again and again is told once, with how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.history.events import EventView
from pipeline.history.telling import ending, once, story

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAMAGED = "clip.mp4 is damaged: 37 of its 150 frames can't be decoded."


def told(*events: tuple[float, str, str]) -> list[tuple[float, str]]:
    """Tell events, given by their second, kind and message."""
    log = [
        EventView(id=number, at=NOON + timedelta(seconds=at), kind=kind, message=message, data={})
        for number, (at, kind, message) in enumerate(events)
    ]
    return [((line.at - NOON).total_seconds(), line.message) for line in story(log)]


def test_what_happened_to_steps_together_is_one_line() -> None:
    assert told(
        (0, "step_failed", f"rendition:720p: {DAMAGED}"),
        (0.2, "step_failed", f"rendition:480p: {DAMAGED}"),
        (0.4, "step_failed", f"rendition:audio: {DAMAGED}"),
        (0.5, "failed", f"failed: {DAMAGED}"),
    ) == [
        (0, f"rendition:720p, rendition:480p, rendition:audio: {DAMAGED}"),
        (0.5, f"failed: {DAMAGED}"),
    ]


def test_what_happened_to_steps_at_different_times_keeps_its_times() -> None:
    done = ("step_done", "range:001 done"), ("step_done", "range:002 done")
    assert told((0, *done[0]), (90, *done[1])) == [(0, done[0][1]), (90, done[1][1])]


def test_different_things_stay_apart() -> None:
    assert told(
        (0, "step_started", "rendition:720p started"),
        (0, "step_done", "rendition:720p done"),
        (0, "step_failed", "rendition:480p: It broke."),
        (0, "step_failed", "rendition:360p: It broke otherwise."),
    ) == [
        (0, "rendition:720p started"),
        (0, "rendition:720p done"),
        (0, "rendition:480p: It broke."),
        (0, "rendition:360p: It broke otherwise."),
    ]


def test_the_same_again_is_counted_whenever_it_comes() -> None:
    stuck = ("source_stuck", "the source could not be moved yet: it is in use")
    assert told((0, *stuck), (60, *stuck), (120, *stuck), (121, "moved", "moved it")) == [
        (0, f"{stuck[1]} (3 times)"),
        (121, "moved it"),
    ]


def test_what_the_same_step_says_again_is_counted() -> None:
    again = ("step_started", "rendition:720p started")
    assert told((0, *again), (0, *again)) == [(0, "rendition:720p started (2 times)")]


def test_a_log_without_events_is_no_line() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", ""),
        ("one\ntwo\n", "one\ntwo\n"),
        ("a\na\na\na\na\na\n", "a (6 times)\n"),
        ("a\nb\na\n", "a\nb\na\n"),
        ("a\n\n\nb", "a\n\nb"),
        (
            "[h264 @ 0x5651] [error] Invalid NAL unit size\n"
            "[h264 @ 0x99af] [error] Invalid NAL unit size\n"
            "[h264 @ 0x5651] [error] Invalid level\n",
            "[h264] [error] Invalid NAL unit size (2 times)\n[h264] [error] Invalid level\n",
        ),
    ],
)
def test_lines_of_a_tool_that_follow_each_other_are_told_once(log: str, said: str) -> None:
    assert once(log) == said


@pytest.mark.parametrize(
    ("log", "most", "kept"),
    [
        ("short\n", 6, "short\n"),
        ("the first line\nthe second\nthe third\n", 22, "…\nthe third\n"),
        ("one line that is too long", 10, "…\ntoo long"),
        ("one line that is too long\n", 10, "…\noo long\n"),
    ],
)
def test_the_end_of_a_long_log_begins_with_a_whole_line(log: str, most: int, kept: str) -> None:
    assert ending(log, most) == kept
    assert len(kept) <= most
