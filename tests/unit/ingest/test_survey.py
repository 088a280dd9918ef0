"""What a survey of a folder finds, and what it passes over."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.ingest.survey import in_batches, look, marked_by, survey
from pipeline.settings.pipeline import WatchFolder


def found(folder: Path, **rules: str) -> list[str]:
    entry = WatchFolder(path=folder, **rules)
    return [str(Path(one.path).relative_to(folder)) for one in survey(entry)]


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(name)


def test_a_folder_is_walked_in_order_without_hidden_folders(tmp_path: Path) -> None:
    put(tmp_path, "b.mp4", "a/c.mp4", "a/b/d.mp4", "c/e.mp4", ".hidden/d.mp4", "e.txt")
    assert found(tmp_path) == ["b.mp4", "a/c.mp4", "a/b/d.mp4", "c/e.mp4"]


def test_only_regular_files_are_found_whatever_others_are_called(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    put(tmp_path, "secret.mp4", "outside/film.mp4")
    put(inbox, "real.mp4")
    (inbox / "folder.mp4").mkdir()
    (inbox / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    (inbox / "in.mp4").symlink_to(inbox / "real.mp4")
    (inbox / "nowhere.mp4").symlink_to("no-such-file")
    (inbox / "loop.mp4").symlink_to(inbox / "loop.mp4")
    (inbox / "round").symlink_to(inbox)
    (inbox / "elsewhere").symlink_to(tmp_path / "outside")
    os.mkfifo(inbox / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(inbox / "socket.mp4"))
        assert found(inbox) == ["real.mp4"]
        entry = WatchFolder(path=inbox)
        assert [path.name for path in inbox.iterdir() if look(path, entry)] == ["real.mp4"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_devices_are_not_found(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "zero.mp4", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this kernel lets nobody here make a device")
    assert found(tmp_path) == []


def test_hard_links_are_files_like_any_other(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4")
    (tmp_path / "b.mp4").hardlink_to(tmp_path / "a.mp4")
    first, second = survey(WatchFolder(path=tmp_path))
    assert first.identity == second.identity


def test_what_can_not_be_read_is_passed_over_and_the_rest_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "closed/a.mp4", "open/c.mp4")
    real = os.scandir

    def scan(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert found(tmp_path) == ["open/c.mp4"]
    assert f"{tmp_path / 'closed'} is passed over: Permission denied" in caplog.text


def test_a_companion_tells_that_a_file_is_still_fetched(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4", "a.mp4.part", "b.mp4", "c.mp4", "c.mp4.aria2")
    entry = WatchFolder(path=tmp_path)
    fetched = [Path(one.path).name for one in survey(entry) if one.downloading]
    assert fetched == ["a.mp4", "c.mp4"]
    one = look(tmp_path / "a.mp4", entry)
    assert one is not None
    assert one.downloading


@pytest.mark.parametrize("marker", ["a.mp4.ready", "a.ready"])
def test_a_marker_speaks_of_the_file_it_is_named_after(tmp_path: Path, marker: str) -> None:
    put(tmp_path, "a.mp4", "b.mp4", marker)
    entry = WatchFolder(path=tmp_path, marker=".ready")
    assert [(Path(one.path).name, one.marked) for one in survey(entry)] == [
        ("a.mp4", True),
        ("b.mp4", False),
    ]
    assert marked_by(tmp_path / marker, entry) == [tmp_path / "a.mp4"]
    assert marked_by(tmp_path / "a.mp4", entry) == []
    assert marked_by(tmp_path / ".ready", entry) == []


def test_batches_hold_every_file_once(tmp_path: Path) -> None:
    put(tmp_path, *(f"{number}.mp4" for number in range(7)))
    batches = list(in_batches(survey(WatchFolder(path=tmp_path)), 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert len({one.path for batch in batches for one in batch}) == 7
