from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.media.scrambling import scrambled

if TYPE_CHECKING:
    from pathlib import Path


def packet(stream: int, *, locked: bool, before: int = 0) -> bytes:
    flags = 0x10 | (0x80 if locked else 0)
    return bytes(before) + bytes((0x47, stream >> 8, stream & 0xFF, flags)) + bytes(184)


@pytest.mark.parametrize("before", [0, 4])
def test_streams_are_locked_where_most_of_their_packets_are(tmp_path: Path, before: int) -> None:
    made = [packet(0x100, locked=number > 2, before=before) for number in range(10)]
    made += [packet(0x101, locked=number > 8, before=before) for number in range(10)]
    made += [packet(0x10, locked=True, before=before), packet(0x1FFF, locked=True, before=before)]
    (tmp_path / "a.ts").write_bytes(b"".join(made))
    assert scrambled(tmp_path / "a.ts") == {0x100}


def test_a_recording_may_begin_within_a_packet(tmp_path: Path) -> None:
    data = b"".join(packet(0x100, locked=True) for _ in range(10))
    (tmp_path / "a.ts").write_bytes(data[100:])
    assert scrambled(tmp_path / "a.ts") == {0x100}


@pytest.mark.parametrize("data", [b"", b"G", bytes(10_000), b"ftyp" * 1000])
def test_other_files_have_no_such_packets(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.ts").write_bytes(data)
    assert scrambled(tmp_path / "a.ts") == frozenset()
