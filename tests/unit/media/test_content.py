from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.media.content import (
    counted_frames,
    encrypted,
    kind,
    refers,
    script,
)
from pipeline.media.extent import missing_end
from pipeline.media.webp import animation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def box(name: bytes, data: bytes) -> bytes:
    return (len(data) + 8).to_bytes(4, "big") + name + data


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x1aE\xdf\xa3" + bytes(20), "container"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "container"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "still"),
        (box(b"ftyp", b"isom"), "mp4"),
        (b"#EXTM3U\n", "script"),
        (bytes(range(256)), "other"),
    ],
)
def test_a_file_is_known_by_how_it_begins(tmp_path: Path, data: bytes, found: str) -> None:
    (tmp_path / "file").write_bytes(data)
    assert kind(tmp_path / "file") == found


def test_an_encrypted_track_is_found_in_the_index_wherever_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "file.mp4"
    locked, clear = box(b"moov", b"....encv....schm"), box(b"moov", b"....avc1....")
    media = box(b"mdat", b"encv schm" * 10)
    for data, expected in (
        (locked + media, True),
        (media + locked, True),
        (media + clear, False),
        (b"\x00\x00\x00\x01mdat" + (26).to_bytes(8, "big") + bytes(10) + locked, True),
        (b"\x00\x00\x00\x00mdat" + b"encv schm", False),
        (b"", False),
    ):
        path.write_bytes(data)
        assert encrypted(path) is expected


def test_an_mp3_counts_its_frames_behind_its_tag_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    frame = b"\xff\xfb\x90\x00" + bytes(32)
    tag = b"ID3\x04\x00\x00" + bytes((0, 0, 0x40, 0)) + bytes(0x40 << 7)
    for data, expected in (
        (frame + b"Xing\x00\x00\x00\x0f\x00\x00\x01\x02", 0x102),
        (frame + b"Xing\x00\x00\x00\x0e\x00\x00\x01\x02", 0),
        (frame + b"VBRI" + bytes(10) + b"\x00\x00\x01\x02", 0x102),
        (tag + frame + b"Info\x00\x00\x00\x01\x00\x00\x01\x02", 0x102),
        (tag + frame, 0),
        (frame, 0),
        (b"", 0),
    ):
        path.write_bytes(data)
        assert counted_frames(path) == expected


@pytest.mark.parametrize("look", [kind, script, refers, animation, missing_end])
def test_a_pipe_that_took_the_files_name_is_not_waited_for(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(OSError, match="not a regular file"):
        look(tmp_path / "clip.mp4")
