"""Argument lists for the poster: take a typical frame, and look how much it shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.picture import ordinary_light, whole_frames
from pipeline.plan.reading import file_url, input_options

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.plan.source import Source

#: The span that a frame is to be typical of, seconds and share of the source: short enough to lie
#: within one scene, and to leave black behind when the next place is tried.
POSTER_SPAN_S = 3.0
POSTER_SPAN_SHARE = 0.1
#: The most frames one is chosen from: all are held in memory at once, at the poster's size.
POSTER_FRAMES = 48
#: The widest a poster is, and the highest, pixels.
POSTER_WIDTH = 1280
POSTER_HEIGHT = 2560


def poster_size(source: Source) -> tuple[int, int]:
    """Choose the poster's size: the source's shape, never larger than it, in even pixels."""
    width, height = source.display_width, source.display_height
    if POSTER_WIDTH * height <= POSTER_HEIGHT * width:
        over, under = min(POSTER_WIDTH, width), width
    else:
        over, under = min(POSTER_HEIGHT, height), height
    return _even(width * over, under), _even(height * over, under)


def poster_choice(source: Source) -> tuple[int, int]:
    """Choose how many frames to look at, and how many frames apart they are taken."""
    frames = source.video.frames if source.video else 1
    span_s = min(POSTER_SPAN_S, source.duration_s * POSTER_SPAN_SHARE)
    there = max(1, round(frames * span_s / source.duration_s)) if source.duration_s > 0 else 1
    step = math.ceil(there / POSTER_FRAMES)
    return math.ceil(there / step), step


def poster_argv(program: Path, source: Source, at_s: float, output: Path) -> list[str]:
    """Build the command that takes the most typical frame of some seconds from `at_s` on.

    ffmpeg's `thumbnail` filter picks the frame whose colours are nearest to the average of its
    batch, so a flash, a black frame or a blend between shots is not chosen.
    """
    video = source.video
    if video is None:
        raise ValueError("a poster needs a picture")
    width, height = poster_size(source)
    frames, step = poster_choice(source)
    # A raw stream can't be sought in, but begins at its beginning.
    place = {"ss": f"{at_s:.3f}"} if at_s > 0 else {}
    origin = ffmpeg.input(file_url(source.path), **place, **input_options())
    picture = whole_frames(origin[str(video.index)], video)
    picture = (
        picture.filter("select", f"not(mod(n,{step}))")
        .filter("scale", w=width, h=height, flags="area")
        .filter("setsar", "1")
        .filter("thumbnail", n=max(2, frames))
    )
    # JPEG is full range BT.601, whatever the source is.
    picture = (
        ordinary_light(picture, video)
        .filter("scale", out_range="pc", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuvj420p")
    )
    return _one_jpeg(program, picture, output)


def cover_argv(program: Path, source: Source, output: Path) -> list[str]:
    """Build the command that writes a file's cover picture as a poster, no larger than one."""
    fit = f"min(1,min({POSTER_WIDTH}/iw,{POSTER_HEIGHT}/ih))"
    picture = (
        ffmpeg.input(file_url(source.path), **input_options())[str(source.cover)]
        .filter("scale", w=f"max(2,trunc(iw*{fit}/2)*2)", h=f"max(2,trunc(ih*{fit}/2)*2)")
        .filter("scale", out_range="pc", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuvj420p")
    )
    return _one_jpeg(program, picture, output)


def sound_argv(program: Path, source: Source, output: Path) -> list[str]:
    """Build the command that draws a sound as a poster: its waveform, bright on dark."""
    shape = "s=1280x720:split_channels=0:colors=0x8ab4f8:scale=sqrt"
    heard = ffmpeg.input(file_url(source.path), **input_options())[f"{source.audio[0].index}"]
    options = dict(part.split("=") for part in shape.split(":"))
    wave = heard.filter("aformat", channel_layouts="mono").filter("showwavespic", **options)
    ground = ffmpeg.input("color=c=0x202124:s=1280x720", f="lavfi")
    picture = ffmpeg.overlay(ground, wave, format="auto").filter("format", pix_fmts="yuvj420p")
    return _one_jpeg(program, picture, output)


def _one_jpeg(program: Path, picture: Any, output: Path) -> list[str]:
    made = ffmpeg.output(
        picture,
        file_url(output),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 3, "f": "image2", "update": 1},
        map_metadata=-1,
    ).global_args(*QUIET, "-progress", "pipe:1")
    return compiled(made, program)


def luma_argv(program: Path, picture: Path) -> list[str]:
    """Build the command that prints a picture as 32x18 bytes of brightness."""
    small = (
        ffmpeg.input(file_url(picture))
        .filter("scale", w=32, h=18, flags="area")
        .filter("format", pix_fmts="gray")
    )
    made = ffmpeg.output(small, "pipe:1", f="rawvideo").global_args(*QUIET)
    return compiled(made, program)


def _even(numerator: int, denominator: int) -> int:
    return max(2, 2 * round(numerator / (2 * denominator)))
