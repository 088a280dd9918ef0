"""Interlaced pictures, marked rightly and wrongly; and progressive ones that must be left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.picture import copied
from tests.sources.row import Expect, Row, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A box that moves sideways by many pixels a field, before fine detail that must not be blurred.
MOVING = (
    "testsrc2=s={size}:r={rate}:d=2[a];color=white:s=80x{height}:r={rate}:d=2[b];"
    "[a][b]overlay=x=mod(n*11\\,W-80),format=yuv420p"
)
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10")
MJPEG = ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2")
PRORES = ("-c:v", "prores", "-profile:v", "2")
DNXHD = ("-c:v", "dnxhd", "-b:v", "120M", "-pix_fmt", "yuv422p")
DV = ("-c:v", "dvvideo", "-pix_fmt", "yuv420p")
#: How a picture of 50 fields a second is woven to 25 frames.
TOP, BOTTOM = "tinterlace=interleave_top", "tinterlace=interleave_bottom"
FLAGS = {"tff": ("-flags", "+ildct+ilme"), "bff": ("-flags", "+ildct+ilme")}


def _moving(size: str, rate: str) -> str:
    return MOVING.format(size=size, height=size.partition("x")[2], rate=rate)


def woven(
    name: str, weave: str, marked: str, codec: tuple[str, ...], size: str = "720x576"
) -> Callable[[Path], Path]:
    """Real fields (or none, when `weave` is empty), and what the file is to say of them."""

    def make(folder: Path) -> Path:
        rate = 50 if weave else 25
        look = ",".join(part for part in (weave, f"setfield={marked}") if part)
        moving = _moving(size, str(rate))
        path = folder / name
        ffmpeg("-f", "lavfi", "-i", moving, "-vf", look, *codec, *_marks(codec, marked), str(path))
        return path

    return make


def _marks(codec: tuple[str, ...], marked: str) -> tuple[str, ...]:
    if marked == "prog":
        return ()
    if "libx264" in codec:
        return ("-x264-params", f"{marked}=1")
    return FLAGS.get(marked, ())


def sideways(folder: Path) -> Path:
    """Real fields in pixels that are not square, to be turned and mirrored for display."""
    coded = woven("coded.mp4", f"{TOP},setsar=16/11", "tff", X264)(folder)
    return copied(folder / "a.mp4", coded, "-display_rotation", "90", "-display_hflip")


def telecined(folder: Path) -> Path:
    """Film at 24 frames a second, its fields spread over 30 frames."""
    path = folder / "a.mpg"
    moving = _moving("720x480", "24000/1001")
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        moving,
        "-vf",
        "telecine,setfield=tff",
        *MPEG2,
        *FLAGS["tff"],
        str(path),
    )
    return path


def repeating(folder: Path) -> Path:
    """Whole frames, marked to be shown as fields of which every fourth repeats (soft telecine)."""
    coded = folder / "a.m2v"
    moving = _moving("720x480", "24000/1001")
    ffmpeg("-f", "lavfi", "-i", moving, *MPEG2, *FLAGS["tff"], "-bf", "0", str(coded))
    data = bytearray(coded.read_bytes())
    start, number = 0, 0
    while (start := data.find(b"\x00\x00\x01\xb5", start)) >= 0:
        if data[start + 4] >> 4 == 8:
            # Picture coding extension: top_field_first is bit 7 of its fourth byte, repeat bit 1.
            data[start + 7] |= 0x80
            data[start + 7] |= 0x02 if number % 2 else 0
            data[start + 8] |= 0x80  # progressive_frame
            number += 1
        start += 4
    coded.write_bytes(data)
    path = folder / "a.ts"
    ffmpeg("-fflags", "+genpts", "-r", "24000/1001", "-i", str(coded), "-c", "copy", str(path))
    return path


def _row(
    name: str, make: Callable[[Path], Path], *, are: str, frames: int = 50, height: int = 576
) -> Row:
    likeness = 30.0 if are == "progressive" else None
    expect = Expect(frames=frames, frames_short=1, fields=are, silent=True, likeness=likeness)
    return Row(name, make, expect, small(height))


ROWS = (
    _row("interlaced, top field first, MPEG-2", woven("a.mpg", TOP, "tff", MPEG2), are="tt"),
    _row("interlaced, bottom field first, MPEG-2", woven("a.mpg", BOTTOM, "bff", MPEG2), are="bb"),
    _row("interlaced, top field first, H.264", woven("a.mp4", TOP, "tff", X264), are="tt"),
    _row("interlaced, bottom field first, H.264", woven("a.ts", BOTTOM, "bff", X264), are="bb"),
    _row("interlaced, marked progressive, MPEG-2", woven("a.mpg", TOP, "prog", MPEG2), are="tt"),
    _row("interlaced, marked progressive, H.264", woven("a.mp4", TOP, "prog", X264), are="tt"),
    _row(
        "interlaced, marked progressive, H.264 bottom first",
        woven("a.mkv", BOTTOM, "prog", X264),
        are="bb",
    ),
    _row("interlaced, fields marked the wrong way", woven("a.mpg", BOTTOM, "tff", MPEG2), are="bb"),
    _row(
        "interlaced, fields marked the other wrong way", woven("a.mp4", TOP, "bff", X264), are="tt"
    ),
    _row(
        "progressive, marked interlaced, MPEG-2",
        woven("a.mpg", "", "tff", MPEG2),
        are="progressive",
    ),
    _row(
        "progressive, marked interlaced, H.264", woven("a.mp4", "", "tff", X264), are="progressive"
    ),
    _row(
        "progressive, marked interlaced, bottom first",
        woven("a.ts", "", "bff", X264),
        are="progressive",
    ),
    _row("progressive, marked progressive", woven("a.mp4", "", "prog", X264), are="progressive"),
    _row("interlaced 1080", woven("a.ts", TOP, "tff", X264, "1920x1080"), are="tt", height=1080),
    _row(
        "interlaced 1080, marked progressive",
        woven("a.ts", TOP, "prog", X264, "1920x1080"),
        are="tt",
        height=1080,
    ),
    _row("interlaced, lying on its side, mirrored, anamorphic", sideways, are="tt"),
    _row("interlaced, DV without a container", woven("a.dv", BOTTOM, "bff", DV), are="bb"),
    _row("interlaced, DV in AVI", woven("a.avi", BOTTOM, "bff", DV), are="bb"),
    _row("interlaced, captured as MJPEG", woven("a.avi", TOP, "prog", MJPEG), are="tt"),
    _row("interlaced, captured as FFV1", woven("a.avi", TOP, "tff", ("-c:v", "ffv1")), are="tt"),
    _row("interlaced, MPEG-4", woven("a.avi", TOP, "tff", MPEG4), are="tt"),
    _row("interlaced, ProRes in MXF", woven("a.mxf", TOP, "tff", PRORES), are="tt"),
    _row(
        "interlaced 1080, DNxHD",
        woven("a.mov", TOP, "tff", DNXHD, "1920x1080"),
        are="tt",
        height=1080,
    ),
    _row("progressive, ProRes", woven("a.mov", "", "prog", PRORES), are="progressive"),
    _row("telecined film", telecined, are="tt", frames=60, height=480),
    _row("film marked to repeat fields", repeating, are="progressive", frames=48, height=480),
)
