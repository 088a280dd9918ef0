"""Which files of a watched folder are taken."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from pipeline.ingest.candidate import is_candidate
from pipeline.settings.pipeline import MEDIA_EXTENSIONS, WatchFolder

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


@pytest.mark.parametrize(
    "name",
    [
        ".clip.mp4.Xy12Zq",
        ".clip.mp4",
        "._clip.mp4",
        "~syncthing~clip.mp4.tmp",
        ".syncthing.clip.mp4.tmp",
        "clip.mp4.ocTransferId12.part",
        ".clip.mp4.~4f2a",
        "clip.mp4.~4f2a",
        "Unconfirmed 123.crdownload",
        "clip.mp4.opdownload",
        "clip.mp4.!qB",
        "clip.temp.mp4",
        "~$clip.mp4",
        "Thumbs.db",
        "@eaDir/clip.mp4",
        "__MACOSX/clip.mp4",
        "$RECYCLE.BIN/clip.mp4",
        ".stversions/clip.mp4",
        ".rsync-partial/clip.mp4",
        "lost+found/clip.mp4",
        "clip.mp4.download/clip.mp4",
        "@Recycle/clip.mp4",
        "@Recently-Snapshot/a/clip.mp4",
        "~snapshot/clip.mp4",
        "Temporary Items/folders.501/clip.mp4",
        "Network Trash Folder/clip.mp4",
    ],
)
def test_what_copy_tools_and_systems_leave_is_left_alone(name: str) -> None:
    everything = WatchFolder(path=Path("/inbox"), extensions=(*MEDIA_EXTENSIONS, ".tmp", ".db"))
    assert not is_candidate(PurePath(name), everything)


def test_a_name_of_two_dots_is_media_too() -> None:
    assert is_candidate(PurePath("my.temp.recording.mp4"), FOLDER)
