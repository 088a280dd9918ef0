"""Waveform: the peaks of the sound in audiowaveform's format, and a picture drawn from them."""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.reading import file_url, our_options

if TYPE_CHECKING:
    from pathlib import Path

#: The fewest samples a peak stands for; doubled until there are at most `MOST_PEAKS`.
FINEST = 256
MOST_PEAKS = 8192
#: Peaks are signed numbers of so many bits.
BITS = 8
#: The picture's size, pixels, and its colours: behind, and the wave.
PICTURE_SIZE = (1280, 240)
COLOURS = (b"\x11\x18\x27", b"\x60\xa5\xfa")
PICTURE = "waveform.png"
PEAKS = "waveform.json"
_PNG = b"\x89PNG\r\n\x1a\n"
#: No PNG is shorter than its signature, header and end, bytes.
_SHORTEST_PNG = 45
_LOWEST = "lavfi.astats.Overall.Min_level="
_HIGHEST = "lavfi.astats.Overall.Max_level="


@dataclass(frozen=True)
class Peaks:
    """The lowest and the highest sample of each `samples_per_peak`, of all channels together.

    Both are from -128 to 127; `rate` is samples a second.
    """

    rate: int
    samples_per_peak: int
    lowest: tuple[int, ...]
    highest: tuple[int, ...]


def samples_per_peak(duration_s: float, rate: int) -> int:
    """Choose how many samples a peak stands for, by the duration of the sound."""
    samples = math.ceil(duration_s * rate)
    each = FINEST
    while samples > each * MOST_PEAKS:
        each *= 2
    return each


def peaks_argv(program: Path, sound: Path, each: int) -> list[str]:
    """Build the command that prints the lowest and highest of every `each` samples."""
    loudness = {"metadata": 1, "reset": 1, "measure_perchannel": "none"}
    measured = (
        ffmpeg.input(file_url(sound), **our_options("film"))["a:0"]
        .filter("aformat", sample_fmts="fltp")
        .filter("asetnsamples", n=each, p=0)
        .filter("astats", **loudness, measure_overall="Min_level+Max_level")
        .filter("ametadata", mode="print", file="-")
    )
    made = ffmpeg.output(measured, "-", f="null").global_args(*QUIET)
    return compiled(made, program)


class PeakReader:
    """Collects the peaks from what ffmpeg prints, piece by piece."""

    def __init__(self) -> None:
        self.lowest: list[int] = []
        self.highest: list[int] = []
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Take some more of what was printed, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode("ascii", "replace")
            if text.startswith(_LOWEST):
                self.lowest.append(_level(text.removeprefix(_LOWEST)))
            elif text.startswith(_HIGHEST):
                self.highest.append(_level(text.removeprefix(_HIGHEST)))

    def peaks(self, rate: int, each: int) -> Peaks:
        """Give what was collected; `rate` and `each` as `Peaks` says."""
        return Peaks(rate, each, tuple(self.lowest), tuple(self.highest))


def _level(text: str) -> int:
    value = float(text)
    if math.isnan(value):
        return 0
    top = 1 << BITS - 1
    return round(max(-top, min(top - 1, value * top)))


def peaks_json(peaks: Peaks) -> str:
    """Write the peaks as audiowaveform's JSON, version 2, with one channel."""
    pairs = zip(peaks.lowest, peaks.highest, strict=True)
    return json.dumps(
        {
            "version": 2,
            "channels": 1,
            "sample_rate": peaks.rate,
            "samples_per_pixel": peaks.samples_per_peak,
            "bits": BITS,
            "length": len(peaks.lowest),
            "data": [level for pair in pairs for level in pair],
        },
        separators=(",", ":"),
    )


def picture(peaks: Peaks, width: int, height: int) -> bytes:
    """Draw the peaks as a PNG of this size, pixels; time goes from left to right."""
    spans = [_extremes(peaks, column, width) for column in range(width)]
    rows = bytearray()
    top = 1 << BITS - 1
    for row in range(height):
        # The levels that this row of pixels stands for, upwards.
        above = top - 2 * top * row / height
        below = top - 2 * top * (row + 1) / height
        rows.append(0)
        rows += bytes(
            # The middle is always drawn: silence is a line.
            (low < above and high >= below) or below <= 0 < above
            for low, high in spans
        )
    return _png(width, height, bytes(rows))


def png_size(data: bytes) -> tuple[int, int]:
    """Read a PNG's width and height, pixels. Raises `ValueError` when it is not a whole one."""
    if not data.startswith(_PNG) or data[-8:-4] != b"IEND" or len(data) < _SHORTEST_PNG:
        raise ValueError("it is not a whole PNG")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _extremes(peaks: Peaks, column: int, width: int) -> tuple[int, int]:
    count = len(peaks.lowest)
    first = column * count // width
    after = max(first + 1, (column + 1) * count // width)
    return (
        min(peaks.lowest[first:after], default=0),
        max(peaks.highest[first:after], default=0),
    )


def _png(width: int, height: int, rows: bytes) -> bytes:
    """Write a PNG of two colours, a byte a pixel; each row begins with its filter, 0."""
    eight_bits, palette = 8, 3
    header = struct.pack(">IIBBBBB", width, height, eight_bits, palette, 0, 0, 0)
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (
            (b"IHDR", header),
            (b"PLTE", b"".join(COLOURS)),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )
