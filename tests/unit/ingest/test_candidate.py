"""Which files of a watched folder are taken."""

from __future__ import annotations

import os
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


def test_what_can_not_be_read_is_passed_over_and_the_rest_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("closed/a.mp4", "locked/b.mp4", "open/c.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    real_scan, real_is_file = os.scandir, Path.is_file

    def scan(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return real_scan(path)

    def is_file(self: Path) -> bool:
        if self.parent.name == "locked":
            raise PermissionError(13, "Permission denied", str(self))
        return real_is_file(self)

    monkeypatch.setattr(os, "scandir", scan)
    monkeypatch.setattr(Path, "is_file", is_file)
    assert list(candidates(WatchFolder(path=tmp_path))) == [tmp_path / "open" / "c.mp4"]
    assert f"{tmp_path / 'closed'} is passed over: Permission denied" in caplog.text
    assert f"{tmp_path / 'locked' / 'b.mp4'} is passed over: Permission denied" in caplog.text
