"""Animated WebP: what is in one, read from its chunks, as ffprobe tells it of other files.

The ffmpeg that makes the renditions decodes it; the ffprobe beside it may be older and does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.media.content import opened
from pipeline.media.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

#: The name of ffmpeg's demuxer and decoder.
NAME = "webp_anim"
#: A frame that is to be shown for less, milliseconds, is shown for the usual time (ffmpeg's
#: `-min_delay` and `-default_delay`, as browsers have it).
LEAST_MS = 10
USUAL_MS = 100
#: The bytes of a chunk's name and size; and of what comes before a frame's picture.
CHUNK = 8
FRAME = 16
#: More than an animation of hours has: whoever has more wants us to look forever.
MOST_CHUNKS = 500_000
#: The bit of the first chunk that says that it moves.
ANIMATED = 0x02


@dataclass(frozen=True)
class Animation:
    """Size in pixels, and for how long each frame is shown, milliseconds."""

    width: int
    height: int
    delays: tuple[int, ...]

    def told(self) -> dict[str, Any]:
        """Tell it as ffprobe's JSON would."""
        rate = f"{1000 * len(self.delays)}/{sum(self.delays)}" if self.delays else "0/0"
        stream = {
            "index": 0,
            "codec_type": "video",
            "codec_name": NAME,
            "width": self.width,
            "height": self.height,
            "pix_fmt": "argb",
            "avg_frame_rate": rate,
            "r_frame_rate": rate,
            "start_time": "0",
        }
        container = {"format_name": NAME, "start_time": "0", "duration": f"{self.length_s:.3f}"}
        return {"streams": [stream], "format": container}

    def packets(self) -> Packets:
        """Tell of the frames as of packets."""
        last_s = self.length_s - (self.delays[-1] / 1000 if self.delays else 0.0)
        return Packets(len(self.delays), 0.0, last_s, self.length_s, length_s=self.length_s)

    @property
    def length_s(self) -> float:
        """How long it lasts, seconds."""
        return sum(self.delays) / 1000


def animation(path: Path) -> Animation | None:
    """Read an animated WebP; None when the file is something else. Raises `OSError`."""
    with opened(path) as file:
        head = file.read(12)
        if not head.startswith(b"RIFF") or head[8:12] != b"WEBP":
            return None
        chunks = _chunks(file)
        first = next(chunks, None)
        if first is None or first[0] != b"VP8X" or not first[1][0] & ANIMATED:
            return None
        width, height = _number(first[1][4:7]) + 1, _number(first[1][7:10]) + 1
        delays = []
        for name, data in chunks:
            if name == b"ANMF":
                told = _number(data[12:15])
                delays.append(told if told >= LEAST_MS else USUAL_MS)
    return Animation(width, height, tuple(delays))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Give the name and the first bytes of each chunk that is whole, up to `MOST_CHUNKS`."""
    size = file.seek(0, 2)
    file.seek(12)
    for _ in range(MOST_CHUNKS):
        head = file.read(CHUNK)
        if len(head) < CHUNK:
            return
        length = _number(head[4:8])
        after = file.tell() + length + length % 2
        if after > size + length % 2:
            return
        data = file.read(min(length, FRAME))
        file.seek(after)
        yield head[:4], data


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
