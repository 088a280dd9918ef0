"""Which files of a watched folder are taken."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from pipeline.ingest.candidate import candidates, is_candidate
from pipeline.settings.pipeline import WatchFolder

FOLDER = WatchFolder(path=Path("/inbox"), ignore=("*-draft.mp4", "raw/*"))


@pytest.mark.parametrize(
    "name", ["clip.mp4", "CLIP.MOV", "a/b/holiday 2.mkv", "ä.webm", "x.gif", "-dash.mp4"]
)
def test_media_files_are_candidates(name: str) -> None:
    assert is_candidate(PurePath(name), FOLDER)


@pytest.mark.parametrize(
    "name",
    [
        ".clip.mp4",
        ".upload-1/clip.mp4",
        "notes.txt",
        "clip",
        "clip.mp4.part",
        "clip.mp4.crdownload",
        "clip.mp4~",
        "x-draft.mp4",
        "raw/clip.mp4",
    ],
)
def test_hidden_unfinished_ignored_and_other_files_are_not(name: str) -> None:
    assert not is_candidate(PurePath(name), FOLDER)


def test_only_listed_extensions_count_whatever_their_case() -> None:
    folder = WatchFolder(path=Path("/inbox"), extensions=("MP4", ".mov"))
    assert is_candidate(PurePath("a.mp4"), folder)
    assert is_candidate(PurePath("a.MOV"), folder)
    assert not is_candidate(PurePath("a.mkv"), folder)


def test_a_folder_is_walked_in_order_without_hidden_folders(tmp_path: Path) -> None:
    for name in ("b.mp4", "a/c.mp4", ".hidden/d.mp4", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    found = [path.relative_to(tmp_path) for path in candidates(WatchFolder(path=tmp_path))]
    assert found == [Path("b.mp4"), Path("a/c.mp4")]
