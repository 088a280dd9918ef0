"""Argument lists for the poster: take a typical frame, and tell how much it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.channels import placed
from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.picture import ordinary_light, whole_frames
from pipeline.plan.reading import as_coded, file_url, input_options, unasked
from pipeline.settings.values import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.plan.source import Source

#: The span that a frame is to be typical of, seconds and share of the source: short enough to lie
#: within one scene, and to leave black behind when the next place is tried.
POSTER_SPAN_S = 3.0
POSTER_SPAN_SHARE = 0.1
#: The most frames one is chosen from: all are held in memory at once, at the poster's size.
POSTER_FRAMES = 48
#: How many key frames one is chosen from instead at most, within how many seconds, and how many a
#: source needs for that: then each place that is tried has one of its own.
POSTER_KEYS, POSTER_KEYS_SPAN_S, LEAST_KEYS = 3, 15.0, 4
#: What is told of a poster's brightness: so many bytes, a row after the other.
LUMA_SIZE = (32, 18)
#: The widest a poster is, pixels, where the profile says nothing else; and how much higher than
#: that it may be.
POSTER_WIDTH = 1280
HIGHEST = 2
#: The poster that is always there.
POSTER = "poster.jpg"
#: How far a frame's timestamp may be rounded, seconds.
ROUNDING_S = 0.001
#: How many samples a second, and how many at most, a waveform is drawn from.
SLOWEST_RATE, FASTEST_RATE, MOST_SAMPLES = 200, 8000, 5_000_000
_SUFFIXES = {"jpeg": "jpg", "webp": "webp"}


@dataclass(frozen=True)
class PosterFile:
    """One of the poster's files: `path` in the output folder, size in pixels, `jpeg` or `webp`."""

    path: str
    width: int
    height: int
    format: str


def poster_files(
    full: tuple[int, int], widths: Sequence[int], formats: Sequence[str]
) -> list[PosterFile]:
    """List the poster's files: full size first, then the narrower ones of `widths`.

    `full` is the size of the poster that was made; it is always there as JPEG, whatever the
    formats are. Nothing is enlarged.
    """
    files = [PosterFile(POSTER, *full, "jpeg")]
    if "webp" in formats:
        files.append(PosterFile("poster.webp", *full, "webp"))
    for width in widths:
        if width < full[0]:
            size = width, _even(full[1] * width, full[0])
            files += [
                PosterFile(f"poster-{width}.{_SUFFIXES[kind]}", *size, kind) for kind in formats
            ]
    return files


def poster_copies_argv(program: Path, poster: Path, files: Sequence[PosterFile]) -> list[str]:
    """Build the one command that makes `files` from the full poster, beside it."""
    full = ffmpeg.input(file_url(poster), f="jpeg_pipe", protocol_whitelist="file")
    pictures = full["v:0"].split()
    made = []
    for number, file in enumerate(files):
        smaller = pictures[number].filter("scale", w=file.width, h=file.height, flags="area")
        if file.format == "webp":
            smaller = smaller.filter("scale", out_range="tv").filter("format", pix_fmts="yuv420p")
            how = {"c:v": "libwebp", "q:v": 80}
        else:
            how = {"c:v": "mjpeg", "q:v": 3}
        still = {"frames:v": 1, "f": "image2", "update": 1}
        made.append(
            ffmpeg.output(
                smaller, file_url(poster.with_name(file.path)), **still, **how, map_metadata=-1
            )
        )
    return compiled(ffmpeg.merge_outputs(*made).global_args(*QUIET), program)


def poster_time(source: Source, at: str, span: tuple[float, float]) -> float | None:
    """Say which time `poster.at` is, seconds from the source's start; None for `auto`.

    It counts from the start of `span`, the used part of the source. A time past the end is that
    of the last frame.
    """
    if at == "auto" or source.video is None:
        return None
    start_s, end_s = span
    if at.endswith("%"):
        wanted = (end_s - start_s) * float(at.removesuffix("%")) / 100
    else:
        wanted = duration(at).total_seconds()
    last_s = min(source.video.last_pts_s - source.start_s, end_s)
    return max(0.0, min(start_s + wanted, last_s))


def poster_size(source: Source, widest: int = POSTER_WIDTH) -> tuple[int, int]:
    """Choose the poster's size: the source's shape, never larger than it, in even pixels."""
    width, height = source.display_width, source.display_height
    if height <= HIGHEST * width:
        over, under = min(widest, width), width
    else:
        over, under = min(HIGHEST * widest, height), height
    return _even(width * over, under), _even(height * over, under)


def key_frames_suffice(source: Source) -> bool:
    """Whether key frames alone show enough of the source to choose a poster from."""
    return source.video is not None and source.video.key_frames >= LEAST_KEYS


def poster_choice(source: Source) -> tuple[int, int]:
    """Choose how many frames to look at, and how many frames apart they are taken."""
    frames = source.video.frames if source.video else 1
    span_s = min(POSTER_SPAN_S, source.duration_s * POSTER_SPAN_SHARE)
    there = max(1, round(frames * span_s / source.duration_s)) if source.duration_s > 0 else 1
    step = math.ceil(there / POSTER_FRAMES)
    return math.ceil(there / step), step


def poster_argv(
    program: Path,
    source: Source,
    at_s: float,
    output: Path,
    *,
    widest: int = POSTER_WIDTH,
    keys: bool = False,
) -> list[str]:
    """Build the command that takes the most typical frame of some seconds from `at_s` on.

    It prints how bright that is, `LUMA_SIZE` bytes. The poster is at most `widest` pixels wide.
    ffmpeg's `thumbnail` filter picks the frame whose colours are nearest to the average of its
    batch, so a flash, a black frame or a blend between shots is not chosen. With `keys` only key
    frames are decoded, from the one before `at_s` on: that costs a tenth, where the source has
    enough of them (`key_frames_suffice`); and only that one, where it can be had alone.
    """
    frames, step = (POSTER_KEYS, 1) if keys else poster_choice(source)
    # A raw stream can't be sought in, but begins at its beginning.
    place: dict[str, Any] = {"ss": f"{at_s:.3f}"} if at_s > 0 else {}
    alone = _first_alone(source) if keys else {}
    if keys:
        span_s = min(POSTER_KEYS_SPAN_S, (POSTER_KEYS - 1) * _key_distance_s(source))
        place |= {"noaccurate_seek": None, "skip_frame": "nokey"}
        place |= {**(alone or {"t": f"{span_s:.3f}"}), **unasked(source.container)}
    picture = _whole(source, place).filter("select", f"not(mod(n,{step}))")
    picture = _small(picture, poster_size(source, widest))
    if not alone:
        picture = picture.filter("thumbnail", n=max(2, frames))
    # The frame may lie before `at_s`, which is time 0 here: nothing is to drop it for that.
    one = {"frames:v": 1, "fps_mode": "passthrough"}
    shown = _still(source, picture).split()
    luma = shown[1].filter("scale", w=LUMA_SIZE[0], h=LUMA_SIZE[1], flags="area")
    luma = luma.filter("format", pix_fmts="gray")
    made = (_jpeg(shown[0], output, one), ffmpeg.output(luma, "pipe:1", f="rawvideo", **one))
    return compiled(ffmpeg.merge_outputs(*made).global_args(*QUIET), program)


def _first_alone(source: Source) -> dict[str, Any]:
    """Give the options by which only the first key frame is decoded, where it is shown at once.

    ffmpeg would decode some more before it learns that one was enough, at three times the cost.
    Where key frames come evenly, the first of them is what `thumbnail` chooses, too: its span has
    two, which are equally far from their average. Other decoders show none before they have
    another, and would have the file read to its end; so would a field without the other one.
    """
    video = source.video
    if video is None or video.codec != "h264" or video.interlaced or not unasked(source.container):
        return {}
    of = video.index
    only = {f"discard:{of}": "nokey", f"bsf:{of}": r"noise=drop=gt(n\,0)"}
    return {**only, f"flags:{of}": "low_delay"}


def _key_distance_s(source: Source) -> float:
    return source.duration_s / max(1, source.video.key_frames if source.video else 1)


def poster_at_argv(
    program: Path, source: Source, at_s: float, output: Path, *, widest: int, seek: bool
) -> list[str]:
    """Build the command that takes the frame that is shown at `at_s`.

    Every frame up to then is written over the one before, from the key frame on; without `seek`
    from the beginning on, for files that can't be sought in.
    """
    # Where it seeks, ffmpeg counts the time from there.
    place = {"ss": f"{at_s:.3f}", "noaccurate_seek": None} if seek else {}
    last_s = (0.0 if seek else at_s) + ROUNDING_S
    picture = _whole(source, place).filter("trim", end=f"{last_s:.3f}")
    picture = _still(source, _small(picture, poster_size(source, widest)))
    return _one_jpeg(program, picture, output, {"fps_mode": "passthrough"})


def _whole(source: Source, place: dict[str, Any]) -> Any:
    video = source.video
    if video is None:
        raise ValueError("a poster needs a picture")
    opening = {**as_coded(video), **place, **input_options(source)}
    origin = ffmpeg.input(file_url(source.path), **opening)
    return whole_frames(origin[str(video.index)], video)


def _small(picture: Any, size: tuple[int, int]) -> Any:
    return picture.filter("scale", w=size[0], h=size[1], flags="area").filter("setsar", "1")


def _still(source: Source, picture: Any) -> Any:
    if source.video is None:
        raise ValueError("a poster needs a picture")
    # JPEG is full range BT.601, whatever the source is.
    return (
        ordinary_light(picture, source.video)
        .filter("scale", out_range="pc", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuvj420p")
    )


def cover_argv(program: Path, source: Source, output: Path) -> list[str]:
    """Build the command that writes a file's cover picture as a poster, no larger than one."""
    fit = f"min(1,min({POSTER_WIDTH}/iw,{HIGHEST * POSTER_WIDTH}/ih))"
    picture = (
        ffmpeg.input(file_url(source.path), **input_options(source))[str(source.cover)]
        .filter("scale", w=f"max(2,trunc(iw*{fit}/2)*2)", h=f"max(2,trunc(ih*{fit}/2)*2)")
        .filter("scale", out_range="pc", out_color_matrix="bt601")
        .filter("format", pix_fmts="yuvj420p")
    )
    return _one_jpeg(program, picture, output)


def sound_argv(program: Path, source: Source, output: Path) -> list[str]:
    """Build the command that draws a sound as a poster: its waveform, bright on dark.

    `showwavespic` keeps all samples until the end, so a long sound is drawn from fewer of them.
    """
    rate = max(SLOWEST_RATE, min(FASTEST_RATE, round(MOST_SAMPLES / max(source.duration_s, 1))))
    shape = "s=1280x720:split_channels=0:colors=0x8ab4f8:scale=sqrt"
    track = source.audio[0]
    origin = ffmpeg.input(file_url(source.path), **input_options())
    heard = placed(origin[str(track.index)], track)
    options = dict(part.split("=") for part in shape.split(":"))
    mono = heard.filter("aformat", channel_layouts="mono").filter("aresample", rate)
    wave = mono.filter("showwavespic", **options)
    ground = ffmpeg.input("color=c=0x202124:s=1280x720", f="lavfi")
    picture = ffmpeg.overlay(ground, wave, format="auto").filter("format", pix_fmts="yuvj420p")
    return _one_jpeg(program, picture, output)


def _one_jpeg(
    program: Path, picture: Any, output: Path, frames: dict[str, Any] | None = None
) -> list[str]:
    made = _jpeg(picture, output, frames or {"frames:v": 1})
    return compiled(made.global_args(*QUIET, "-progress", "pipe:1"), program)


def _jpeg(picture: Any, output: Path, frames: dict[str, Any]) -> Any:
    how = {"c:v": "mjpeg", "q:v": 3, "f": "image2", "update": 1}
    return ffmpeg.output(picture, file_url(output), **frames, **how, map_metadata=-1)


def _even(numerator: int, denominator: int) -> int:
    return max(2, 2 * round(numerator / (2 * denominator)))
