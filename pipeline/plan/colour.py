"""Colour: what a source's numbers mean, and what the renditions' numbers are said to mean.

A file that does not say is guessed at by every player, and by the size of the picture: untagged
renditions of one source would come out in different colours from rung to rung. So every rendition
is tagged, all of one source alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pipeline.plan.source import VideoStream

#: Lines and columns from which on players take an untagged picture for BT.709.
HD_HEIGHT = 577
HD_WIDTH = 1280
#: The lines of European SD, whose primaries differ from American ones.
PAL_HEIGHT = 576
#: Matrices that every player knows; any other is converted to BT.709.
COMMON_MATRICES = frozenset({"bt709", "smpte170m", "bt470bg", "bt2020nc"})
#: How the pixel formats that hold red, green and blue begin.
RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")
#: How the pixel formats begin that tell how transparent a pixel is; a palette may.
SEE_THROUGH_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")
#: What `premultiply` takes; of these ffmpeg chooses what loses least.
MULTIPLIED = "yuva444p|yuva444p10le|yuva444p12le|yuva444p16le|gbrap|gbrap10le|gbrap12le|gbrap16le"
#: Transparent parts to black, and half transparent ones half to it.
OVER_BLACK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("format", {"pix_fmts": MULTIPLIED}),
    ("premultiply", {"inplace": 1}),
)
#: What a picture for bright screens says of itself, and says wrongly once it is for ordinary ones.
NO_LONGER_BRIGHT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sidedata", {"mode": "delete", "type": "MASTERING_DISPLAY_METADATA"}),
    ("sidedata", {"mode": "delete", "type": "CONTENT_LIGHT_LEVEL"}),
)
#: PQ and HLG to ordinary light: linear, BT.709 primaries, a curve that keeps highlights.
TONE_MAP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("zscale", {"t": "linear", "npl": 100}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"p": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": 0}),
    ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
    *NO_LONGER_BRIGHT,
)
#: Primaries wider than those of ordinary screens: their colours look washed out there.
WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})
#: Curves of light that players don't heed, and in which eight bits show bands.
RARE_CURVES = frozenset({"linear", "log100", "log316"})
#: Matrices that ffmpeg's `scale` does not even let through: they are changed before any of it.
RARE_MATRICES = frozenset({"ycgco", "bt2020c", "chroma-derived-nc", "chroma-derived-c", "ictcp"})
#: Wide primaries, and rare curves, to those of ordinary screens.
GAMUT_MAP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("zscale", {"p": "bt709", "t": "bt709", "m": "bt709", "r": "tv"}),
    *NO_LONGER_BRIGHT,
)


class Colours(NamedTuple):
    """Primaries, transfer curve and matrix, as ffmpeg names them."""

    primaries: str
    transfer: str
    matrix: str


BT709 = Colours("bt709", "bt709", "bt709")
HDR = Colours("bt2020", "smpte2084", "bt2020nc")
#: Wide colours in ordinary light (ITU-R BT.2020).
WIDE = Colours("bt2020", "bt709", "bt2020nc")


def is_rgb(video: VideoStream) -> bool:
    """Whether the picture is coded as red, green and blue."""
    return video.color_space == "gbr" or (video.pix_fmt or "").startswith(RGB_FORMATS)


def see_through(pix_fmt: str | None) -> bool:
    """Whether pixels of this format tell how transparent they are."""
    return (pix_fmt or "").startswith(SEE_THROUGH_FORMATS)


def colours(video: VideoStream) -> Colours:
    """Say what the source's colours are; what it does not tell is taken as players take it."""
    guess = _guess(video)
    return Colours(
        _known(video.color_primaries) or guess.primaries,
        _known(video.color_transfer) or guess.transfer,
        _known(video.color_space) or guess.matrix,
    )


def told_colours(video: VideoStream) -> dict[str, str]:
    """Give the options of `setparams` that tell ffmpeg what the source left out; maybe none."""
    known = colours(video)
    # Another decoder than the one that was asked may leave out what that one told.
    again = video.decoder is not None
    left_out: dict[str, str] = {}
    if again or _known(video.color_primaries) is None:
        left_out["color_primaries"] = known.primaries
    if again or _known(video.color_transfer) is None:
        left_out["color_trc"] = known.transfer
    if not is_rgb(video):
        if again or _known(video.color_space) is None:
            left_out["colorspace"] = known.matrix
        if _known(video.color_range) is None and not (video.pix_fmt or "").startswith("yuvj"):
            left_out["range"] = "tv"
    return left_out


def screen_colours(video: VideoStream) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Give the filters that bring light and colours to those of ordinary screens; maybe none."""
    if video.hdr:
        return TONE_MAP
    known = colours(video)
    odd = known.primaries in WIDE_PRIMARIES or known.transfer in RARE_CURVES
    return GAMUT_MAP if odd else ()


def common_matrix(video: VideoStream) -> str | None:
    """Name the matrix that a rare one is brought to, so that all filters know it; mostly None."""
    known = colours(video)
    if known.matrix not in RARE_MATRICES:
        return None
    return HDR.matrix if known.primaries == HDR.primaries else BT709.matrix


def scaled_colours(video: VideoStream) -> dict[str, str]:
    """Give the options of `scale` that bring a picture to the range and matrix of all outputs."""
    wanted = {"out_range": "tv"}
    if not video.hdr and (is_rgb(video) or colours(video).matrix not in COMMON_MATRICES):
        wanted["out_color_matrix"] = BT709.matrix
    return wanted


def _guess(video: VideoStream) -> Colours:
    if video.hdr:
        return HDR
    if video.color_space in ("bt2020nc", "bt2020c"):
        return WIDE
    if is_rgb(video) or video.height >= HD_HEIGHT or video.width >= HD_WIDTH:
        return BT709
    if video.height == PAL_HEIGHT:
        return Colours("bt470bg", "smpte170m", "bt470bg")
    return Colours("smpte170m", "smpte170m", "smpte170m")


def _known(value: str | None) -> str | None:
    return None if value in (None, "unknown", "unspecified", "reserved") else value
