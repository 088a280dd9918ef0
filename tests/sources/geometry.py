"""Sizes and shapes: rotations, pixels that are not square, odd, tiny, long and tall pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.bitstream import with_aperture
from tests.sources.picture import X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TALL = ((240, 320), (144, 192))
WIDE = ((320, 240), (192, 144))
#: Turning the coded picture by these filters makes the display's turn bring it upright again.
TURNED = {
    "rotated 90": (("-display_rotation", "90"), "transpose=clock", WIDE),
    "rotated 180": (("-display_rotation", "180"), "hflip,vflip", WIDE),
    "rotated 270": (("-display_rotation", "270"), "transpose=cclock", WIDE),
    "mirrored": (("-display_hflip",), "hflip", WIDE),
    "mirrored upside down": (("-display_vflip",), "vflip", WIDE),
    "rotated 90 and mirrored": (
        ("-display_rotation", "90", "-display_hflip"),
        "hflip,transpose=clock",
        WIDE,
    ),
    "rotated 270 and mirrored": (
        ("-display_rotation", "270", "-display_hflip"),
        "hflip,transpose=cclock",
        WIDE,
    ),
}


def turned(
    options: tuple[str, ...], look: str, name: str = "turned.mp4", size: str = "320x240"
) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        coded = encode(folder / "coded.mp4", Clip(size=size), look=look)
        return copied(folder / name, coded, *options)

    return make


def shaped(size: str, sar: str = "1", *, video: tuple[str, ...] = X264) -> Callable[[Path], Path]:
    clip = Clip(size=size)
    return lambda folder: encode(folder / "shaped.mp4", clip, look=f"setsar={sar}", video=video)


def cropped(folder: Path) -> Path:
    """A film whose container cuts off its edges, ten lines and ten columns on each side."""
    path = folder / "a.mp4"
    path.write_bytes(with_aperture(encode(folder / "whole.mp4").read_bytes(), 300, 220))
    return path


def tiny(size: str, pix_fmt: str = "yuv444p") -> Callable[[Path], Path]:
    """A picture without corners: ffmpeg draws none so small."""

    def make(folder: Path) -> Path:
        path = folder / "tiny.mkv"
        colour = f"color=c=0xC03030:s={size}:r=25:d=1"
        ffmpeg("-f", "lavfi", "-i", colour, "-pix_fmt", pix_fmt, "-c:v", "ffv1", str(path))
        return path

    return make


def _row(name: str, make: Callable[[Path], Path], *sizes: tuple[int, int]) -> Row:
    clip = Clip()
    return Row(
        name,
        make,
        Expect(sizes, frames=clip.frames, seconds=3, patches=Patches(), sync=True),
    )


ODD = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv444p")
ROWS = (
    *(_row(name, turned(options, look), *sizes) for name, (options, look, sizes) in TURNED.items()),
    _row(
        "portrait by rotation",
        turned(("-display_rotation", "90"), "transpose=clock", size="240x320"),
        *TALL,
    ),
    _row(
        "rotated 90 in MOV",
        turned(("-display_rotation", "90"), "transpose=clock", "turned.mov"),
        *WIDE,
    ),
    _row(
        "rotated 90 in MKV",
        turned(("-display_rotation", "90"), "transpose=clock", "turned.mkv"),
        *WIDE,
    ),
    _row("anamorphic DVD, PAL 16:9", shaped("720x576", "16/11"), (436, 240), (262, 144)),
    _row("anamorphic DVD, PAL 4:3", shaped("720x576", "12/11"), (328, 240), (196, 144)),
    _row("anamorphic DVD, NTSC 4:3", shaped("720x480", "8/9"), (320, 240), (192, 144)),
    _row("anamorphic HDV", shaped("360x270", "4/3"), (426, 240), (256, 144)),
    _row("anamorphic and smaller than the ladder", shaped("80x64", "16/11"), (116, 64)),
    _row("odd width", shaped("321x240", video=ODD), (320, 240), (192, 144)),
    _row("odd height", shaped("320x241", video=ODD), (318, 240), (192, 144)),
    _row("odd both, smaller than the ladder", shaped("127x99", video=ODD), (126, 98)),
    _row("portrait", shaped("240x426"), (240, 426), (144, 256)),
    _row("square", shaped("240x240"), (240, 240), (144, 144)),
    _row("4:3", shaped("640x480"), (320, 240), (192, 144)),
    _row("16:9", shaped("640x360"), (426, 240), (256, 144)),
    _row("21:9", shaped("840x360"), (560, 240), (336, 144)),
    _row("edges that the container cuts off", cropped, (196, 144)),
    Row("1x1", tiny("1x1"), Expect(((2, 2),), frames=25, seconds=1, silent=True)),
    Row("16x9", tiny("16x9"), Expect(((14, 8),), frames=25, seconds=1, silent=True)),
    Row("2x1000", tiny("2x1000"), Expect(((2, 1000),), frames=25, seconds=1, silent=True)),
    Row(
        "8000x100",
        shaped("8000x100"),
        Expect(((8000, 100),), frames=75, seconds=3, patches=Patches(), sync=True),
    ),
    Row(
        "100x4000",
        shaped("100x4000"),
        Expect(((100, 4000),), frames=75, seconds=3, patches=Patches(), sync=True),
    ),
    Row(
        "rung of the source's own size",
        shaped("320x240"),
        Expect(((320, 240),), frames=75, likeness=35.0),
        small(240),
    ),
)
