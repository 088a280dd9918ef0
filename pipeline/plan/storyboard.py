"""Storyboard: sheets of small pictures, and the WebVTT that says which one is shown when."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.sampling import first_of_each, fitted, key_frames_suffice, milliseconds

if TYPE_CHECKING:
    from pathlib import Path

#: The longest side of a tile, pixels.
TILE = 160
#: About the most tiles a film gets: then they stand further apart.
MOST_TILES = 150
#: The least time between tiles, milliseconds.
SHORTEST_SPAN_MS = 1000
#: The most tiles beside each other and above each other on a sheet.
COLUMNS = 10
ROWS = 10
VTT = "storyboard.vtt"
#: What ffmpeg calls the sheets, before the first loses its number.
PATTERN = "storyboard-%d.jpg"
_CUE = re.compile(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)")
_CLOCK = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")


@dataclass(frozen=True)
class Storyboard:
    """The layout: `tiles` pictures, each for `span_ms` milliseconds of `duration_ms`.

    `key_frames`: each span begins with a key frame, the others need not be decoded.
    """

    duration_ms: int
    span_ms: int
    tiles: int
    tile_width: int
    tile_height: int
    columns: int
    rows: int
    key_frames: bool

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets, beside the WebVTT."""
        count = math.ceil(self.tiles / (self.columns * self.rows))
        return tuple(sheet_name(number) for number in range(1, count + 1))

    @property
    def sheet_size(self) -> tuple[int, int]:
        """The width and height of each sheet, pixels."""
        return self.columns * self.tile_width, self.rows * self.tile_height


@dataclass(frozen=True)
class Cue:
    """One entry of the WebVTT: from when to when, milliseconds; which part of which sheet."""

    start_ms: int
    end_ms: int
    sheet: str
    x: int
    y: int
    width: int
    height: int


def sheet_name(number: int) -> str:
    """Name a sheet; they are counted from 1, which goes without saying."""
    return "storyboard.jpg" if number == 1 else PATTERN % number


def storyboard(width: int, height: int, duration_s: float, gop_s: float) -> Storyboard:
    """Lay out the storyboard of a film of this size, pixels, and duration.

    Tiles come every second; in films of more than `MOST_TILES` seconds further apart, and where
    `gop_s`, the distance of the key frames, allows it, at key frames.
    """
    duration_ms = milliseconds(duration_s)
    span_ms = max(SHORTEST_SPAN_MS, 1000 * math.ceil(duration_ms / MOST_TILES / 1000))
    gop_ms = milliseconds(gop_s)
    if span_ms > SHORTEST_SPAN_MS:
        span_ms = gop_ms * math.ceil(span_ms / gop_ms)
    tiles = math.ceil(duration_ms / span_ms)
    columns = min(COLUMNS, tiles)
    tile_width, tile_height = fitted(width, height, TILE)
    return Storyboard(
        duration_ms=duration_ms,
        span_ms=span_ms,
        tiles=tiles,
        tile_width=tile_width,
        tile_height=tile_height,
        columns=columns,
        rows=min(ROWS, math.ceil(tiles / columns)),
        key_frames=key_frames_suffice(span_ms, gop_s),
    )


def storyboard_argv(program: Path, rendition: Path, board: Storyboard) -> list[str]:
    """Build the command that writes the sheets, as `PATTERN`, into the folder it is run in.

    A span in which no frame begins shows the frame before.
    """
    tiles = (
        first_of_each(rendition, board.span_ms, key_frames=board.key_frames)
        .filter("scale", w=board.tile_width, h=board.tile_height, flags="area")
        .filter("setsar", "1")
        .filter("scale", out_range="pc", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuvj420p")
        .filter("fps", fps=f"1000/{board.span_ms}", round="down", start_time=0, eof_action="pass")
        .filter("tpad", stop=board.tiles, stop_mode="clone")
        .filter("trim", end_frame=board.tiles)
        .filter("tile", layout=f"{board.columns}x{board.rows}")
    )
    made = ffmpeg.output(
        tiles,
        PATTERN,
        **{"c:v": "mjpeg", "q:v": 4, "f": "image2", "fps_mode": "passthrough"},
        map_metadata=-1,
    ).global_args(*QUIET, "-progress", "pipe:1")
    return compiled(made, program)


def cues(board: Storyboard) -> list[Cue]:
    """List the entries: one a tile, one after the other, from 0 to the film's end."""
    found = []
    for tile in range(board.tiles):
        sheet, place = divmod(tile, board.columns * board.rows)
        row, column = divmod(place, board.columns)
        found.append(
            Cue(
                start_ms=tile * board.span_ms,
                end_ms=min((tile + 1) * board.span_ms, board.duration_ms),
                sheet=sheet_name(sheet + 1),
                x=column * board.tile_width,
                y=row * board.tile_height,
                width=board.tile_width,
                height=board.tile_height,
            )
        )
    return found


def webvtt(entries: list[Cue]) -> str:
    """Write the entries as WebVTT, pictures as media fragments (`sheet#xywh=…`)."""
    return "WEBVTT\n" + "".join(
        f"\n{_clock(cue.start_ms)} --> {_clock(cue.end_ms)}\n"
        f"{cue.sheet}#xywh={cue.x},{cue.y},{cue.width},{cue.height}\n"
        for cue in entries
    )


def read_webvtt(text: str) -> list[Cue]:
    """Read such WebVTT back. Raises `ValueError` when any part of it is not of that form."""
    header, *blocks = text.strip().split("\n\n")
    matches = [_CUE.fullmatch(block) for block in blocks]
    if header != "WEBVTT" or not all(matches):
        raise ValueError("it is not the WebVTT of a storyboard")
    return [
        Cue(_read_clock(match[1]), _read_clock(match[2]), match[3], *map(int, match.groups()[3:]))
        for match in matches
        if match
    ]


def _clock(at_ms: int) -> str:
    seconds, ms = divmod(at_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def _read_clock(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not a time")
    hours, minutes, seconds, ms = map(int, match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
