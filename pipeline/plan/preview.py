"""Preview: a few seconds of moving pictures, without sound, that pass over the whole film."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.reading import file_url
from pipeline.plan.sampling import first_of_each, fitted, key_frames_suffice, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The longest side of the preview, pixels.
PREVIEW_SIZE = 320
#: The most pictures in it, and how many are shown a second: three seconds in all.
MOST_PICTURES = 24
RATE = 8
PREVIEW = "preview.webp"
#: No WebP is shorter than its headers, bytes; a side of a lossy one is written in 14 bits.
_SHORTEST = 30
_SIZE_BITS = 0x3FFF


@dataclass(frozen=True)
class Preview:
    """What the preview shows: at most `pictures`, the first of each `span_ms` milliseconds."""

    width: int
    height: int
    pictures: int
    span_ms: int
    key_frames: bool


@dataclass(frozen=True)
class Animation:
    """What a WebP file was found to hold. `duration_ms`: of all its pictures together."""

    width: int
    height: int
    pictures: int
    duration_ms: int


def preview(width: int, height: int, duration_s: float, gop_s: float) -> Preview:
    """Lay out the preview of a film: as it moves if it is short, else in leaps over all of it."""
    duration_ms = milliseconds(duration_s)
    pictures = min(MOST_PICTURES, max(1, duration_ms * RATE // 1000))
    span_ms = -(-duration_ms // pictures)
    gop_ms = milliseconds(gop_s)
    if span_ms > gop_ms:
        span_ms = gop_ms * -(-span_ms // gop_ms)
        pictures = -(-duration_ms // span_ms)
    across, down = fitted(width, height, PREVIEW_SIZE)
    return Preview(across, down, pictures, span_ms, key_frames_suffice(span_ms, gop_s))


def preview_argv(program: Path, rendition: Path, wanted: Preview, output: Path) -> list[str]:
    """Build the command that writes the preview as an animated WebP that goes round and round."""
    pictures = (
        first_of_each(rendition, wanted.span_ms, key_frames=wanted.key_frames)
        .filter("trim", end_frame=wanted.pictures)
        .filter("scale", w=wanted.width, h=wanted.height, flags="area")
        .filter("setsar", "1")
        .filter("scale", out_range="tv", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuv420p")
        .filter("settb", f"1/{RATE}")
        .filter("setpts", "N")
    )
    made = ffmpeg.output(
        pictures,
        file_url(output),
        **{"c:v": "libwebp_anim", "q:v": 60, "loop": 0, "f": "webp", "fps_mode": "passthrough"},
        map_metadata=-1,
    ).global_args(*QUIET, "-progress", "pipe:1")
    return compiled(made, program)


def read_webp(data: bytes) -> Animation:
    """Read how many pictures a WebP holds, of what size, and how long they are shown.

    One that stands still (a single lossy picture) is shown for no time. Raises `ValueError` when
    it is not a whole WebP of either kind.
    """
    whole = data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) > _SHORTEST
    if not whole or _u32(data, 4) + 8 > len(data) or data[12:16] not in (b"VP8X", b"VP8 "):
        raise ValueError("it is not a whole WebP picture")
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Animation(width & _SIZE_BITS, height & _SIZE_BITS, 1, 0)
    durations = [_u24(data, at + 12) for name, at in _chunks(data) if name == b"ANMF"]
    return Animation(_u24(data, 24) + 1, _u24(data, 27) + 1, len(durations), sum(durations))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """List the chunks of a WebP: name, and where what is in it begins."""
    at = 12
    while at + 8 <= len(data):
        yield data[at : at + 4], at + 8
        length = _u32(data, at + 4)
        at += 8 + length + length % 2


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _u32(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", data, at)[0]
    return value
