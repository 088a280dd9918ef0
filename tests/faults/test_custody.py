"""What a fault run sees that is wrong with where sources lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.models import Job, JobState
from tests.faults.batch import Dropped
from tests.faults.custody import misplaced, sha256

if TYPE_CHECKING:
    from pathlib import Path


def put(media: Path, place: str, content: str = "film") -> Path:
    path = media / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def dropped(tmp_path: Path, *contents: str, folder: str = "inbox") -> Dropped:
    sums = [sha256(put(tmp_path, "sums", content)) for content in contents]
    path = tmp_path / "media" / folder / "round1-1.mp4"
    return Dropped(path.name, folder, path, contents=sums, jobs=len(sums))


def jobs(*states: str) -> list[Job]:
    return [Job(seq=seq, state=JobState(state)) for seq, state in enumerate(states)]


@pytest.mark.parametrize(
    ("folder", "state", "place"),
    [
        ("inbox", "succeeded", "archive/round1-1.mp4"),
        ("inbox", "failed", "quarantine/round1-1.mp4"),
        ("kept", "failed", "kept/round1-1.mp4"),
        ("far", "succeeded", "elsewhere/round1-1.mp4"),
        ("inbox", "cancelled", "inbox/round1-1.mp4"),
    ],
)
def test_a_source_lies_where_its_entry_says(
    tmp_path: Path, folder: str, state: str, place: str
) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film", folder=folder)
    assert misplaced(media, file, jobs(state))
    put(media, place)
    put(media, "quarantine/round1-1.mp4.reason.txt")
    # Another's, whose name only begins alike.
    put(media, "archive/round1-11.mp4", "other")
    assert misplaced(media, file, jobs(state)) == []


def test_a_source_that_is_to_be_deleted_lies_nowhere(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film", folder="deleted")
    assert misplaced(media, file, jobs("succeeded")) == []
    put(media, "deleted/round1-1.mp4")
    (said,) = misplaced(media, file, jobs("succeeded"))
    assert said == "the source of round1-1.mp4 is in ['deleted/round1-1.mp4'], not in []"


def test_other_content_under_its_name_is_seen(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    put(media, "archive/round1-1.mp4", "fil")
    assert "archive/round1-1.mp4 has other content than was dropped" in misplaced(
        media, file, jobs("succeeded")
    )


@pytest.mark.parametrize("second", ["archive/round1-1 (2).mp4", "inbox/round1-1.mp4"])
def test_a_source_that_lies_twice_is_seen(tmp_path: Path, second: str) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    put(media, "archive/round1-1.mp4")
    put(media, second)
    said = misplaced(media, file, jobs("succeeded"))
    assert any("lies in 2 places" in one for one in said)


def test_a_number_without_need_is_seen(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    put(media, "archive/round1-1 (2).mp4")
    assert misplaced(media, file, jobs("succeeded")) == [
        "the source of round1-1.mp4 is called ['round1-1 (2).mp4']"
    ]


def test_of_a_name_that_was_dropped_twice_each_content_is_looked_at(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "old", "new")
    put(media, "archive/round1-1.mp4", "old")
    new = put(media, "archive/round1-1 (2).mp4", "new")
    assert misplaced(media, file, jobs("succeeded", "succeeded")) == []
    doubled = put(media, "archive/round1-1 (3).mp4", "old")
    (said,) = misplaced(media, file, jobs("succeeded", "succeeded"))
    assert "lies in 2 places" in said
    doubled.unlink()
    new.unlink()
    (said,) = misplaced(media, file, jobs("succeeded", "succeeded"))
    assert "not in ['archive']" in said


def test_what_is_in_quarantine_without_a_reason_is_seen(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    put(media, "quarantine/round1-1.mp4")
    assert misplaced(media, file, jobs("failed")) == [
        "no reason lies beside the quarantined round1-1.mp4"
    ]


def test_one_that_was_taken_away_may_lie_nowhere_but_never_wrong(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    file.taken_away = True
    assert misplaced(media, file, jobs("failed")) == []
    put(media, "archive/round1-1.mp4")
    assert misplaced(media, file, jobs("failed"))


def test_a_copy_goes_as_what_it_is_a_copy_of(tmp_path: Path) -> None:
    media, file = tmp_path / "media", dropped(tmp_path, "film")
    file.jobs = 0
    there = put(media, "inbox/round1-1.mp4")
    (said,) = misplaced(media, file, [])
    assert "not in ['archive']" in said
    there.unlink()
    put(media, "archive/round1-1.mp4")
    assert misplaced(media, file, []) == []
