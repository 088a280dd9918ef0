"""Checks of the extras: each is read back and found to be what was laid out, or it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError
from pipeline.plan.pictures import picture_size
from pipeline.plan.preview import RATE, Preview, read_webp
from pipeline.plan.storyboard import VTT, Storyboard, read_webvtt
from pipeline.plan.waveform import PEAKS, PICTURE, PICTURE_SIZE, png_size

if TYPE_CHECKING:
    from pathlib import Path

#: How much longer or shorter than its file says a sound may turn out, seconds: encoders work in
#: frames of 1024 samples and more, with priming before and filling behind.
SOUND_TOLERANCE_S = 0.2


def check_picture(path: Path, width: int, height: int) -> None:
    """See that a picture is whole, and its size in pixels. Raises `MediaError` (`extra_failed`)."""
    if not path.is_file() or not path.stat().st_size:
        raise _bad(path.name, "nothing was written")
    found = read_size(path)
    if found != (width, height):
        raise _bad(path.name, f"it is {found[0]}x{found[1]}, not {width}x{height}")


def read_size(path: Path) -> tuple[int, int]:
    """Read a picture's width and height, pixels. Raises `MediaError` (`extra_failed`)."""
    try:
        return picture_size(path.read_bytes())
    except ValueError as error:
        raise _bad(path.name, str(error)) from error


def check_storyboard(folder: Path, board: Storyboard) -> None:
    """See that the sheets are there, and the WebVTT covers the whole film with tiles on them.

    Raises `MediaError` (`extra_failed`).
    """
    for sheet in board.sheets:
        check_picture(folder / sheet, *board.sheet_size)
    try:
        entries = read_webvtt((folder / VTT).read_text(encoding="utf-8"))
    except ValueError as error:
        raise _bad(VTT, str(error)) from error
    starts = [entry.start_ms for entry in entries]
    ends = [entry.end_ms for entry in entries]
    if len(entries) != board.tiles or starts != [0, *ends[:-1]] or ends[-1] != board.duration_ms:
        raise _bad(VTT, "it does not cover the whole film")
    width, height = board.sheet_size
    for entry in entries:
        inside = entry.x + entry.width <= width and entry.y + entry.height <= height
        if entry.sheet not in board.sheets or not inside:
            raise _bad(VTT, "it names a tile that is not there")


def check_preview(path: Path, wanted: Preview) -> None:
    """See that the preview moves, in the right size. Raises `MediaError` (`extra_failed`)."""
    if not path.is_file() or not path.stat().st_size:
        raise _bad(path.name, "nothing was written")
    data = path.read_bytes()
    try:
        found = read_webp(data)
    except ValueError as error:
        raise _bad(path.name, str(error)) from error
    if (found.width, found.height) != (wanted.width, wanted.height):
        raise _bad(path.name, f"it is {found.width}x{found.height}")
    # Pictures that are alike are one that is shown longer; how long the last is, ffmpeg guesses.
    most_ms = (wanted.pictures + 1) * 1000 // RATE
    if not 1 <= found.pictures <= wanted.pictures or found.duration_ms > most_ms:
        raise _bad(path.name, f"it has {found.pictures} pictures in {found.duration_ms} ms")


def check_waveform(folder: Path, duration_s: float) -> None:
    """See that peaks and picture are whole, and the peaks last `duration_s`.

    Raises `MediaError` (`extra_failed`).
    """
    try:
        size = png_size((folder / PICTURE).read_bytes())
    except ValueError as error:
        raise _bad(PICTURE, str(error)) from error
    if size != PICTURE_SIZE:
        raise _bad(PICTURE, f"it is {size[0]}x{size[1]}")
    told = json.loads((folder / PEAKS).read_text(encoding="utf-8"))
    each_s = told["samples_per_pixel"] / told["sample_rate"]
    if not told["length"] or len(told["data"]) != 2 * told["length"]:
        raise _bad(PEAKS, "it has no peaks")
    if abs(told["length"] * each_s - duration_s) > SOUND_TOLERANCE_S + each_s:
        raise _bad(PEAKS, f"it lasts {told['length'] * each_s:.2f} s, not {duration_s:.2f} s")


def _bad(name: str, what: str) -> MediaError:
    return MediaError(
        "extra_failed",
        f"{name} is not right: {what}.",
        "Leave it out of `extras` in profiles.yml and `reelworks retry`, or see `reelworks logs`.",
    )
