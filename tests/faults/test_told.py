"""What a fault run sees that is wrong with alerts and with the ends in a job's history."""

from __future__ import annotations

import pytest

from tests.faults.told import alerts, wrong_ends

READY = {"title": "round1-1.mp4 is ready"}
FAILED = {"title": "round1-1.mp4 failed"}


def test_each_end_is_told_once() -> None:
    other = {"title": "round1-11.mp4 is ready"}
    assert alerts([other, READY], "round1-1.mp4", ["succeeded"]) == []
    (said,) = alerts([other], "round1-1.mp4", ["succeeded"])
    assert said == "it was told 0 times, not 1: round1-1.mp4 is ready"
    assert alerts([READY, READY], "round1-1.mp4", ["succeeded"])
    assert alerts([], "round1-1.mp4", ["cancelled"]) == []


@pytest.mark.parametrize(
    ("ends", "received"),
    [
        (["failed", "succeeded"], [FAILED, READY]),
        (["failed", "failed"], [FAILED, FAILED]),
        (["failed", "cancelled", "failed"], [FAILED, FAILED]),
    ],
)
def test_of_a_job_that_was_retried_the_end_of_each_run_is_told_once(
    ends: list[str], received: list[dict[str, str]]
) -> None:
    assert alerts(received, "round1-1.mp4", ends) == []
    assert alerts(received[1:], "round1-1.mp4", ends)
    assert alerts([*received, received[0]], "round1-1.mp4", ends)


def test_another_end_than_that_of_the_run_is_seen() -> None:
    assert len(alerts([FAILED], "round1-1.mp4", ["succeeded"])) == 2


def test_who_may_be_killed_after_telling_tells_as_often_as_it_began() -> None:
    assert alerts([READY, READY], "round1-1.mp4", ["succeeded"], tries=2) == []
    assert alerts([READY] * 3, "round1-1.mp4", ["succeeded"], tries=2)
    assert alerts([], "round1-1.mp4", ["succeeded"], tries=2)


@pytest.mark.parametrize(
    "kinds",
    [
        ("found", "succeeded", "source_moved"),
        ("found", "failed", "source_moved", "retried", "succeeded", "source_moved"),
        # Its source was written anew before it ended.
        ("found", "restarted", "succeeded"),
    ],
)
def test_an_end_a_run_is_well(kinds: tuple[str, ...]) -> None:
    assert wrong_ends(kinds, "succeeded") == []


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (("found", "succeeded", "succeeded"), "run 1 ended 2 times"),
        (("found", "failed", "succeeded"), "run 1 ended 2 times"),
        (("found", "failed", "failed", "retried", "succeeded"), "run 1 ended 2 times"),
        (("found",), "it is succeeded, and its history ends with []"),
        (("found", "failed"), "it is succeeded, and its history ends with ['failed']"),
        (("found", "succeeded", "retried"), "it is succeeded, and its history ends with []"),
        (
            ("found", "succeeded", "source_moved", "source_moved"),
            "run 1 has 2 times source_moved",
        ),
    ],
)
def test_another_number_of_ends_is_seen(kinds: tuple[str, ...], words: str) -> None:
    (said,) = wrong_ends(kinds, "succeeded")
    assert said.startswith(words)
