"""Only what lies in a job's output folder is a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.web.files import result_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "library" / "clip-1"
    (folder / "stream").mkdir(parents=True)
    (folder / "stream" / "master.m3u8").write_text("#EXTM3U")
    (folder / "notes.html").write_text("<script>")
    (tmp_path / "secret.mp4").write_text("secret")
    (tmp_path / "library" / "other.mp4").write_text("another job's")
    return folder


def test_a_result_is_found(folder: Path) -> None:
    assert result_in(folder, "stream/master.m3u8") == folder / "stream/master.m3u8"


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.mp4",
        "stream/../../other.mp4",
        "/etc/passwd",
        "stream",
        "",
        "absent.mp4",
        "notes.html",
        "stream/master.m3u8\x00.mp4",
        "a" * 5000 + ".mp4",
        "x/" * 3000 + "a.mp4",
    ],
)
def test_what_is_not_a_result_is_not_found(folder: Path, path: str) -> None:
    assert result_in(folder, path) is None


def test_a_link_out_of_the_folder_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    assert result_in(folder, "link.mp4") is None
    assert result_in(folder, "up/secret.mp4") is None
    assert result_in(folder, "loop.mp4") is None


def test_a_library_that_is_itself_a_link_works(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(folder.parent)
    assert result_in(tmp_path / "linked" / "clip-1", "stream/master.m3u8") is not None
