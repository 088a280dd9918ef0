"""Colours: depths, chroma, ranges, RGB, palettes, transparency, and high dynamic range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sources.picture import AAC, X264, Clip, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "12")
BEGIN = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10")
BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")
MADE = "setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc"
LINEAR = MADE + ",zscale=t=linear:npl={npl},format=gbrpf32le"


def coloured(
    name: str,
    video: tuple[str, ...],
    look: str = "",
    *,
    clip: Clip | None = None,
    audio: tuple[str, ...] | None = AAC,
) -> Callable[[Path], Path]:
    return lambda folder: encode(folder / name, clip, video=video, look=look, audio=audio)


def deep(curve: str, npl: int, extra: str = "") -> Callable[[Path], Path]:
    """BT.2020 in 10 bits by a curve of light; `npl` is the light of white, candelas."""
    tags = f"colorprim=bt2020:transfer={curve}:colormatrix=bt2020nc:range=limited:log-level=error"
    look = f"{LINEAR.format(npl=npl)},zscale=p=bt2020:t={curve}:m=bt2020nc:r=tv,format=yuv420p10le"
    return coloured("a.mp4", (*X265, "-x265-params", tags + extra), look)


def _row(
    name: str,
    make: Callable[[Path], Path],
    *,
    tone_mapped: bool = False,
    silent: bool = False,
    clear: bool = False,
    told: str | None = None,
) -> Row:
    expect = Expect(
        frames=75,
        seconds=3,
        patches=Patches(tone_mapped=tone_mapped, clear=clear),
        sync=not silent,
        silent=silent,
        told=told,
    )
    return Row(name, make, expect)


def _matrix(matrix: str, range_: str = "tv", pix_fmt: str = "yuv420p") -> str:
    return f"scale=out_color_matrix={matrix}:out_range={range_},format={pix_fmt}"


TAGGED = (*X264, *BT709)
HDR10 = (
    ":hdr10=1:max-cll=1000,400:master-display="
    "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)
WIDE = (
    f"{MADE},zscale=t=linear,format=gbrpf32le,"
    "zscale=p=bt2020:t=2020_10:m=bt2020nc:r=tv,format=yuv420p10le"
)
WIDE_TAGS = "colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc:range=limited:log-level=error"
LINEAR_TAGS = "colorprim=bt709:transfer=linear:colormatrix=bt709:range=limited:log-level=error"
GIF = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
CLEAR = (
    "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(Y,H*0.8125)*gte(Y,H*0.75),0,255)'"
)
BT601 = ("-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-colorspace", "smpte170m")
PAL = ("-color_primaries", "bt470bg", "-color_trc", "gamma28", "-colorspace", "bt470bg")
VPX = (
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-threads",
    "1",
    "-b:v",
    "2M",
    "-auto-alt-ref",
    "0",
)
WEBM = f"{CLEAR},{_matrix('bt709', pix_fmt='yuva420p')}"
CLEAR_GIF = (
    f"{CLEAR},split[a][b];[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse=dither=none"
)
#: What can be transparent, and whether it has no sound.
SEE_THROUGH = (
    ("VP9", coloured("a.webm", ("-c:v", "libvpx-vp9", *VPX), WEBM, audio=None), True),
    ("VP8", coloured("a.webm", ("-c:v", "libvpx", *VPX), WEBM, audio=None), True),
    (
        "ProRes 4444",
        coloured(
            "a.mov",
            ("-c:v", "prores_ks", "-profile:v", "4", *BT709),
            f"{CLEAR},{_matrix('bt709', pix_fmt='yuva444p10le')}",
        ),
        False,
    ),
    (
        "QuickTime Animation",
        coloured("a.mov", ("-c:v", "qtrle"), f"{CLEAR},format=argb"),
        False,
    ),
    ("PNG in MOV", coloured("a.mov", ("-c:v", "png"), f"{CLEAR},format=rgba"), False),
    ("FFV1", coloured("a.mkv", ("-c:v", "ffv1"), f"{CLEAR},format=gbrap"), False),
)
HD = Clip(size="1280x720", seconds=1.6)

ROWS = (
    _row("BT.709, tagged", coloured("a.mp4", TAGGED, _matrix("bt709"))),
    _row("BT.601, tagged", coloured("a.mp4", (*X264, *BT601), _matrix("smpte170m"))),
    _row("BT.470BG, tagged", coloured("a.mp4", (*X264, *PAL), _matrix("bt470bg"))),
    Row(
        "HD without tags",
        coloured("a.mp4", X264, _matrix("bt709"), clip=HD),
        Expect(((426, 240), (256, 144)), 40, patches=Patches(), sync=True),
    ),
    _row("SD without tags", coloured("a.mp4", X264, _matrix("smpte170m"))),
    _row(
        "SMPTE 240M",
        coloured(
            "a.mp4",
            (
                *X264,
                "-colorspace",
                "smpte240m",
                "-color_primaries",
                "smpte240m",
                "-color_trc",
                "smpte240m",
            ),
            _matrix("smpte240m"),
        ),
    ),
    _row("10-bit", coloured("a.mp4", (*BEGIN, *BT709), _matrix("bt709", pix_fmt="yuv420p10le"))),
    _row(
        "10-bit 4:2:2",
        coloured(
            "a.mov",
            ("-c:v", "prores_ks", "-profile:v", "3", *BT709),
            _matrix("bt709", pix_fmt="yuv422p10le"),
        ),
    ),
    _row(
        "12-bit",
        coloured(
            "a.mkv",
            (*X265, "-x265-params", "log-level=error", *BT709),
            _matrix("bt709", pix_fmt="yuv420p12le"),
        ),
    ),
    _row("4:2:2", coloured("a.mp4", (*BEGIN, *BT709), _matrix("bt709", pix_fmt="yuv422p"))),
    _row("4:4:4", coloured("a.mp4", (*BEGIN, *BT709), _matrix("bt709", pix_fmt="yuv444p"))),
    _row(
        "4:4:4 10-bit", coloured("a.mp4", (*BEGIN, *BT709), _matrix("bt709", pix_fmt="yuv444p10le"))
    ),
    _row(
        "4:1:1",
        coloured(
            "a.avi", ("-c:v", "rawvideo", "-vtag", "Y41B"), _matrix("smpte170m", pix_fmt="yuv411p")
        ),
    ),
    _row(
        "full range, tagged",
        coloured("a.mp4", (*BEGIN, *BT709, "-color_range", "pc"), _matrix("bt709", "pc")),
    ),
    _row(
        "full range, MJPEG",
        coloured("a.avi", ("-c:v", "mjpeg", "-q:v", "2"), _matrix("smpte170m", "pc", "yuvj420p")),
    ),
    _row(
        "full range, HD",
        coloured(
            "a.mkv", (*BEGIN, *BT709, "-color_range", "pc"), _matrix("bt709", "pc", "yuv444p")
        ),
    ),
    _row(
        "RGB, H.264",
        coloured(
            "a.mkv", ("-c:v", "libx264rgb", "-preset", "ultrafast", "-crf", "8"), "format=rgb24"
        ),
    ),
    _row("RGB, FFV1", coloured("a.mkv", ("-c:v", "ffv1"), "format=gbrp")),
    _row("RGB, raw", coloured("a.avi", ("-c:v", "rawvideo"), "format=bgr24")),
    _row("RGB, 16 bits", coloured("a.mov", ("-c:v", "png"), "format=rgb48be")),
    Row(
        "grey",
        coloured("a.mkv", ("-c:v", "ffv1"), "format=gray"),
        Expect(frames=75, seconds=3, sync=True),
    ),
    _row("palette, GIF", coloured("a.gif", (), GIF, audio=None), silent=True),
    *(
        _row(f"transparent, {name}", make, clear=True, told="transparent", silent=silent)
        for name, make, silent in SEE_THROUGH
    ),
    _row("transparent, GIF", coloured("a.gif", (), CLEAR_GIF, audio=None), silent=True, clear=True),
    _row(
        "YCgCo",
        coloured(
            "a.mkv",
            (*BEGIN, "-colorspace", "ycgco", *BT709[:4]),
            f"{MADE},zscale=m=ycgco:r=tv,format=yuv444p",
        ),
    ),
    _row(
        "linear light",
        coloured(
            "a.mkv",
            (*X265, "-x265-params", LINEAR_TAGS),
            f"{LINEAR.format(npl=100)},zscale=m=bt709:r=tv,format=yuv420p12le",
        ),
    ),
    _row("HDR10", deep("smpte2084", 203, HDR10), tone_mapped=True),
    _row("HDR10 without mastering data", deep("smpte2084", 100), tone_mapped=True),
    _row("HLG", deep("arib-std-b67", 203), tone_mapped=True),
    _row(
        "BT.2020 10-bit, ordinary light",
        coloured("a.mp4", (*X265, "-x265-params", WIDE_TAGS), WIDE),
    ),
)
