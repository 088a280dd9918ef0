"""Holes in sound: what a demuxer passed over in silence, where there is no picture to show it.

Sound has no gaps of its own: packets follow each other in time, and in a raw stream byte on byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.media.content import ID3, ID3_HEAD, opened, seven_bits
from pipeline.media.tracks import seconds

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.packets import Packets

#: The largest packet of raw streams of sound, bytes; what follows it before the next is no sound.
LARGEST = {"mp3": 2000, "aac": 8191, "ac3": 3840, "eac3": 4096}
#: Containers whose packets know their time by themselves. In Ogg and Matroska a pause may be meant:
#: there only what could not be read makes it a hole.
TIMED, PAUSING = frozenset({"flac"}), frozenset({"ogg", "matroska,webm"})
#: Other tags of sound than ID3v2: ID3v1 has as many bytes at the end, and APE a foot.
ID3V1 = 128
APE, APE_FOOT = b"APETAGEX", 32
#: As much of a file is searched for tags at a time, bytes.
PIECE = 16 << 20


def lost_seconds(path: Path, told: dict[str, Any], packets: Packets) -> float:
    """Give how many seconds of a file's sound lie in holes, about. Raises `OSError`.

    `packets` are those of its sound, read with the `LARGEST` of the container.
    """
    name = str(told["format"].get("format_name"))
    if name in LARGEST:
        return _in_bytes(path, packets)
    if name in TIMED or (name in PAUSING and packets.complaints):
        return packets.gap_s + packets.leap_s + _unread(name, told, packets)
    return 0.0


def _unread(name: str, told: dict[str, Any], packets: Packets) -> float:
    """Count what lies behind a hole of an Ogg file past which ffmpeg does not find."""
    announced_s = seconds(told["format"].get("duration")) or 0.0
    if name != "ogg" or packets.jumps:
        return 0.0
    return max(0.0, announced_s - (packets.end_s or 0.0) + (packets.first_s or 0.0))


def _in_bytes(path: Path, packets: Packets) -> float:
    """Compare what packets hold with what lies between the first and the end of the file."""
    lost = path.stat().st_size - packets.place - packets.held_bytes
    if lost <= 0 or not packets.held_bytes:
        return 0.0
    lost -= _tags(path, packets.place)
    each_s = packets.length_s / packets.held_bytes
    return max(0.0, lost * each_s)


def _tags(path: Path, start: int) -> int:
    """Count the bytes of tags behind `start`: at the end, or between parts that were joined."""
    found = 0
    with opened(path) as file:
        file.seek(-min(path.stat().st_size, ID3V1 + APE_FOOT), 2)
        tail = file.read()
        if tail[-ID3V1:].startswith(b"TAG"):
            found, tail = ID3V1, tail[:-ID3V1]
        foot = tail[-APE_FOOT:]
        if foot.startswith(APE):
            found += int.from_bytes(foot[12:16], "little") + APE_FOOT
        file.seek(start)
        rest = b""
        while piece := file.read(PIECE):
            data, at = rest + piece, -1
            while (at := data.find(ID3, at + 1)) >= 0:
                found += _id3(data[at : at + ID3_HEAD])
            rest = data[1 - ID3_HEAD :]
    return found


def _id3(head: bytes) -> int:
    """Give how long a tag is that begins so, seven bits a byte; nothing where none does."""
    if len(head) < ID3_HEAD or head[3] not in (2, 3, 4) or any(byte & 0x80 for byte in head[6:]):
        return 0
    return ID3_HEAD + seven_bits(head[6:])
