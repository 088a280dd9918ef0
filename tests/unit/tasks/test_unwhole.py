"""What a failure means by what the source is now."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.errors import ReelworksError
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.origin import Origin
from pipeline.tasks.unwhole import judge

BROKEN = ReelworksError("not_media", "It is no film.").telling("Invalid data")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    path.write_text("a clip")
    return path


def origin(path: Path) -> Origin:
    found = path.stat()
    return Origin(path, found.st_size, found.st_mtime_ns, "f")


def entry(path: Path, settle_seconds: float = 60.0) -> WatchFolder:
    return WatchFolder(path=path.parent, settle_seconds=settle_seconds)


def test_what_is_not_about_the_content_is_not_tried_again(clip: Path) -> None:
    keyless = ReelworksError("key_missing", "The key is gone.", "Set it again.")
    verdict = judge(origin(clip), entry(clip), keyless)
    assert (verdict.error, verdict.hold, verdict.again_in_s) == (keyless, None, None)


def test_what_fails_right_after_it_was_written_is_tried_once_more(clip: Path) -> None:
    verdict = judge(origin(clip), entry(clip), BROKEN)
    assert verdict.again_in_s is not None
    assert 50 < verdict.again_in_s < 61


def test_what_breaks_off_is_given_more_patience(clip: Path) -> None:
    cut = ReelworksError("truncated", "It breaks off.")
    verdict = judge(origin(clip), entry(clip, 2.0), cut)
    assert verdict.again_in_s is not None
    assert 15 < verdict.again_in_s < 21


def test_what_has_settled_fails_for_good(clip: Path) -> None:
    time.sleep(0.3)
    verdict = judge(origin(clip), entry(clip, 0.05), BROKEN)
    assert (verdict.error, verdict.hold, verdict.again_in_s) == (BROKEN, None, None)


def test_a_file_that_changed_in_a_watched_folder_is_waited_for(clip: Path) -> None:
    was = origin(clip)
    clip.write_text("a longer clip")
    assert "it had 6 bytes, now it has 13" in (judge(was, entry(clip), BROKEN).hold or "")
    elsewhere = judge(was, None, BROKEN)
    assert (elsewhere.error.code, elsewhere.hold) == ("source_changed", None)


def test_a_file_that_somebody_writes_is_waited_for(clip: Path) -> None:
    was = origin(clip)
    with clip.open("a"):
        assert judge(was, entry(clip), BROKEN).hold is not None


def test_what_a_tool_says_of_a_file_that_is_gone_is_not_what_is_wrong(clip: Path) -> None:
    was = origin(clip)
    clip.rename(clip.with_name("renamed.mkv"))
    gone = judge(was, entry(clip), BROKEN)
    assert (gone.error.code, gone.error.log) == ("source_gone", "Invalid data")
    unrelated = ReelworksError("key_missing", "There is no key.")
    assert judge(was, entry(clip), unrelated).error is unrelated
