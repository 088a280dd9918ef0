"""What a fault run sees that is wrong with alerts and with the ends in a job's history."""

from __future__ import annotations

import pytest

from pipeline.models import Job, JobState
from tests.faults.told import alerts, wrong_ends

ONE = Job(seq=1, state=JobState.SUCCEEDED)


def test_each_end_is_told_once() -> None:
    told = {"title": "round1-1.mp4 succeeded"}
    other = {"title": "round1-11.mp4 succeeded"}
    assert alerts([other, told], "round1-1.mp4", [ONE]) == []
    assert alerts([other], "round1-1.mp4", [ONE]) == ["round1-1.mp4 was told 0 times: []"]
    (said,) = alerts([told, told], "round1-1.mp4", [ONE])
    assert said.startswith("round1-1.mp4 was told 2 times")
    assert alerts([], "round1-1.mp4", [Job(seq=1, state=JobState.CANCELLED)]) == []


def test_who_may_be_killed_after_telling_tells_as_often_as_it_began() -> None:
    told = {"title": "round1-1.mp4 succeeded"}
    assert alerts([told, told], "round1-1.mp4", [ONE], tries=2) == []
    assert alerts([told] * 3, "round1-1.mp4", [ONE], tries=2)
    assert alerts([], "round1-1.mp4", [ONE], tries=2)


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
