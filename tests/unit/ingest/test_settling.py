"""A file is whole when it stays as it is, nobody writes it, and its own boxes agree."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.ingest import whole
from pipeline.ingest.settling import PATIENCE, Settling
from pipeline.ingest.whole import being_written, ends_early, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable


def box(kind: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I4s", length or 8 + len(payload), kind) + payload


FTYP, MOOV = box(b"ftyp", b"isom"), box(b"moov", b"x" * 50)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mkv"
    path.write_bytes(b"whole")
    return path


def test_a_file_settles_after_its_time(clip: Path) -> None:
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    assert settling.settled(1.9) == []
    assert settling.settled(2.0) == [clip]
    assert len(settling) == 0


def test_a_file_that_grows_starts_again(clip: Path) -> None:
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    clip.write_bytes(b"more of it")
    assert settling.settled(5.0) == []
    assert settling.settled(6.9) == []
    assert settling.settled(7.0) == [clip]


def test_being_noticed_again_unchanged_does_not_start_again(clip: Path) -> None:
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    settling.notice(clip, 1.5, 2.0)
    assert settling.settled(2.0) == [clip]


def test_a_file_that_goes_away_is_forgotten(clip: Path) -> None:
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    clip.unlink()
    assert settling.settled(9.0) == []
    assert len(settling) == 0


def test_a_file_somebody_has_open_for_writing_is_left_alone(clip: Path) -> None:
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    with clip.open("ab"):
        assert being_written(clip)
        assert unfinished(clip, patient=True)
        assert settling.settled(100.0) == []
    assert not being_written(clip)
    assert settling.settled(102.0) == [clip]


def test_reading_a_file_does_not_hold_it_up(clip: Path) -> None:
    with clip.open("rb"):
        assert not being_written(clip)


def test_a_file_that_says_it_is_incomplete_gets_more_patience(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(FTYP + box(b"mdat", b"half", length=5000))
    settling = Settling()
    settling.notice(clip, 0.0, 2.0)
    assert settling.settled(2.0 * PATIENCE - 0.1) == []
    assert settling.settled(2.0 * PATIENCE) == [clip]


@pytest.mark.parametrize(
    ("name", "content", "early"),
    [
        ("empty.mkv", b"", True),
        ("whole.mp4", FTYP + box(b"mdat", b"pictures") + MOOV, False),
        ("fast.mp4", FTYP + MOOV + box(b"mdat", b"pictures"), False),
        ("no-index.mp4", FTYP + box(b"mdat", b"pictures"), True),
        ("cut.mp4", FTYP + MOOV + box(b"mdat", b"pic", length=999), True),
        ("cut-header.mp4", FTYP + b"\x00\x00", True),
        ("long.mp4", FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 20) + b"four", False),
        ("long-cut.mp4", FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 9999) + b"four", True),
        ("to-the-end.mp4", FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + b"any", False),
        ("text.mp4", b"this is a text and no video at all", False),
        ("nonsense.mov", FTYP + struct.pack(">I4s", 4, b"mdat"), False),
        ("other.mkv", b"\x1aE\xdf\xa3", False),
    ],
)
def test_boxes_tell_whether_more_is_to_come(
    tmp_path: Path, name: str, content: bytes, early: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert ends_early(path) is early
    assert unfinished(path, patient=False) is early
    assert not unfinished(path, patient=True)


@pytest.mark.parametrize(
    "ask", [being_written, ends_early, lambda path: unfinished(path, patient=False)]
)
def test_what_took_a_files_name_meanwhile_neither_hangs_nor_is_opened(
    tmp_path: Path, clip: Path, ask: Callable[[Path], bool]
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to(clip)
    for name in ("pipe.mp4", "link.mp4"):
        with pytest.raises(OSError, match=name):
            ask(tmp_path / name)


@pytest.mark.parametrize(("kind", "written"), [("NFS", False), ("SMB", False), ("FUSE", True)])
def test_a_server_that_granted_no_lease_says_nothing_of_a_writer(
    clip: Path, monkeypatch: pytest.MonkeyPatch, kind: str, written: bool
) -> None:
    def refused(_handle: int, command: int, _value: int = 0) -> int:
        if command == fcntl.F_SETLEASE:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return 0

    monkeypatch.setattr(fcntl, "fcntl", refused)
    monkeypatch.setattr(whole, "network_kind", lambda _: kind)
    assert being_written(clip) is written
