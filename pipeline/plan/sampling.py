"""Sampling a rendition: one picture for each span of time, from key frames where they suffice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.reading import file_url, our_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: How far timestamps may be rounded, milliseconds: a frame that far before a span opens it.
ROUNDING_MS = 1


def fitted(width: int, height: int, longest: int) -> tuple[int, int]:
    """Fit a picture into a square of `longest` pixels: its shape, even, never larger than it is."""
    largest = max(width, height)
    over = min(longest, largest)
    return _even(width * over, largest), _even(height * over, largest)


def _even(numerator: int, denominator: int) -> int:
    return max(2, 2 * round(numerator / (2 * denominator)))


def smallest_for(sizes: Sequence[tuple[int, int]], longest: int) -> int:
    """Choose what to read: the smallest picture that need not be enlarged, else the largest.

    `sizes` are widths and heights of the same picture, pixels. Gives the place in the sequence.
    """
    by_size = sorted(range(len(sizes)), key=lambda number: sizes[number][0] * sizes[number][1])
    enough = [number for number in by_size if max(sizes[number]) >= longest]
    return enough[0] if enough else by_size[-1]


def milliseconds(seconds: float) -> int:
    """Count a duration in whole milliseconds; nothing lasts less than one."""
    return max(1, round(seconds * 1000))


def key_frames_suffice(span_ms: int, gop_s: float) -> bool:
    """Whether each span is sure to begin with a key frame, when they come every `gop_s` seconds."""
    gop_ms = gop_s * 1000
    return span_ms >= gop_ms and math.isclose(span_ms % gop_ms, 0.0, abs_tol=1e-6)


def first_of_each(rendition: Path, span_ms: int, *, key_frames: bool) -> Any:
    """Read a rendition and let through the first frame of each span of `span_ms` milliseconds.

    With `key_frames`, the others are not even decoded. Timestamps are a rounding late.
    """
    options = {"skip_frame": "nokey"} if key_frames else {}
    picture = ffmpeg.input(file_url(rendition), **options, **our_options("film"))["v:0"]
    span_s = span_ms / 1000
    now, before = f"floor(t/{span_s:g})", f"floor(prev_selected_t/{span_s:g})"
    return picture.filter("setpts", f"PTS+{ROUNDING_MS / 1000:g}/TB").filter(
        "select", f"if(isnan(prev_selected_t),1,gt({now},{before}))"
    )
