from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media.webp import animation

if TYPE_CHECKING:
    from pathlib import Path


def chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def webp(*delays: int, flags: int = 0x02) -> bytes:
    size = (319).to_bytes(3, "little") + (239).to_bytes(3, "little")
    chunks = chunk(b"VP8X", bytes((flags, 0, 0, 0)) + size) + chunk(b"ANIM", bytes(6))
    for delay in delays:
        chunks += chunk(b"ANMF", bytes(12) + delay.to_bytes(3, "little") + bytes(10))
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def test_an_animation_tells_its_size_and_when_each_frame_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(webp(480, 120, 400))
    found = animation(path)
    assert found is not None
    assert (found.width, found.height, found.delays) == (320, 240, (480, 120, 400))
    packets = found.packets()
    assert (packets.count, packets.first_s, packets.last_s, packets.end_s) == (3, 0.0, 0.6, 1.0)
    told = found.told()
    assert told["format"] == {"format_name": "webp_anim", "start_time": "0", "duration": "1.000"}
    assert told["streams"][0]["avg_frame_rate"] == "3000/1000"


def test_a_frame_that_is_to_pass_at_once_is_shown_for_the_usual_time(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(webp(0, 9, 10))
    found = animation(path)
    assert found is not None
    assert found.delays == (100, 100, 10)


def test_only_whole_frames_of_a_file_that_breaks_off_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(webp(100, 100, 100)[:-5])
    found = animation(path)
    assert found is not None
    assert len(found.delays) == 2


def test_a_still_picture_and_other_files_are_no_animation(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (webp(100, flags=0x10), b"RIFF\x04\x00\x00\x00WEBP", b"RIFF\x00\x00WAVE", b""):
        path.write_bytes(data)
        assert animation(path) is None
