"""Picture: prepared once, then scaled from rung to rung, as graphs of filters."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.codecs import TIMESCALE, pixel_format
from pipeline.plan.colour import OVER_BLACK, scaled_colours, screen_colours, told_colours
from pipeline.plan.holding import OFTEN, ROUNDING_S, SELDOM, is_still, shown_again
from pipeline.plan.pausing import ticks
from pipeline.plan.reading import file_url
from pipeline.plan.stages import common_colours, one_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.pausing import Ticks
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import VideoRendition
    from pipeline.plan.source import VideoStream
    from pipeline.settings.profiles import WatermarkSettings

#: The field that is shown first, where the probe is sure of it; else each frame's flag decides.
PARITIES = {"tt": "tff", "bb": "bff"}

#: The clock of what `interleave` gives.
INTERLEAVED = "1/1000000"
#: How far behind the end of a part the frame is that keeps its picture going, seconds.
BEHIND_S = 10

#: How to turn a picture by so many degrees clockwise, mirrored or not, as ffmpeg does by itself.
TURNS = {
    (90, False): "clock",
    (90, True): "cclock_flip",
    (270, False): "cclock",
    (270, True): "clock_flip",
}


def pictures(
    origin: Any, plan: Plan, wanted: Sequence[VideoRendition], part: EncodeUnit | None = None
) -> dict[str, Any]:
    """Give a stream for each wanted picture, by name; the source is decoded once for all.

    Pictures keep their timestamps, so every frame comes through. `part` is the range that is made,
    None for the whole.
    """
    video = plan.source.video
    if video is None:
        raise ValueError("a source without a picture has no renditions of one")
    alike = one_size(origin[str(video.index)], video)
    frames = whole_frames(in_time(alike, video), video)
    whole = placed(frames, plan) if part is None else ranged(frames, part)
    hdr = [one for one in wanted if one.hdr]
    ordinary = [one for one in wanted if not one.hdr]
    if hdr and ordinary:
        both = whole.split()
        made = cascade(both[0], ordinary, plan) | cascade(both[1], hdr, plan)
    else:
        made = cascade(whole, wanted, plan)
    return {name: repeated(one, plan) for name, one in made.items()}


def in_time(picture: Any, video: VideoStream) -> Any:
    """Let frames come when they are shown, where the file tells only when they are decoded."""
    if video.each_s is not None:
        return picture.filter("setpts", f"STARTPTS+round(N*{video.each_s:.9f}/TB)")
    if not video.delay_s:
        return picture
    return picture.filter("setpts", f"max(PTS-round({video.delay_s:.6f}/TB),0)")


def placed(picture: Any, plan: Plan) -> Any:
    """Cut to the used part; its first frame is shown from the very beginning.

    A still is shown all the time, and so in every part.

    Where the sound starts before the picture, players would otherwise wait for a picture that
    never comes, or begin without the sound.
    """
    at = "PTS"
    more = ticks(plan)
    if more is not None:
        picture = ticking(picture, more, plan)
    if plan.profile.trim is not None and not is_still(plan):
        # Its own clock may tick only once a frame, and a part begins anywhere.
        picture = picture.filter("settb", f"1/{TIMESCALE}")
        picture = picture.filter("trim", start=f"{plan.start_s:.6f}", end=f"{plan.end_s:.6f}")
        at = f"PTS-{plan.start_s:.6f}/TB"
    return picture.filter("setpts", f"if(eq(N,0),0,{at})")


def ticking(picture: Any, wanted: Ticks, plan: Plan) -> Any:
    """Add frames at those times: `streamselect` gives one whenever any of its inputs goes on.

    It ends with the first of them: so each has a last frame behind the end of the part.
    """
    first, shown, last = (picture.split()[number] for number in range(3))
    behind_s = f"{plan.end_s + BEHIND_S:.6f}"
    often = f"{wanted.seldom / SELDOM:g}+(N-{wanted.seldom})/{OFTEN}"
    at_s = f"{plan.start_s:.6f}+if(lt(N,{wanted.seldom}),N/{SELDOM},{often})"
    tick = first.filter("trim", end_frame=1).filter("settb", INTERLEAVED)
    tick = tick.filter("loop", loop=wanted.frames, size=1)
    tick = tick.filter("setpts", f"round(if(lt(N,{wanted.frames}),{at_s},{behind_s})/TB)")
    last = last.filter("trim", end_frame=1).filter("settb", INTERLEAVED)
    last = last.filter("setpts", f"{behind_s}/TB")
    shown = ffmpeg.filter([shown, last], "interleave")
    return ffmpeg.filter([tick, shown], "streamselect", inputs=2, map=1)


def repeated(picture: Any, plan: Plan) -> Any:
    """Show the last frame again and again where it is held for long, or is the only one.

    It is as it is encoded by now: only encoding is done for each frame. The clock of a source may
    tick once a second: such a picture gets one of its own. What comes after the last frame is moved
    to its time; those that `tpad` adds come at the picture's rate, which a single frame has not.
    """
    again = shown_again(plan)
    if again is None:
        return picture
    picture = picture.filter("settb", f"1/{TIMESCALE}")
    if is_still(plan):
        picture = picture.filter("loop", loop=again.frames, size=1)
        added = "gte(N,1)"
    else:
        picture = picture.filter("tpad", stop=again.frames, stop_mode="clone")
        added = f"gt(T,{again.first_s + ROUNDING_S:.6f})"
    often = f"gt(PREV_OUTPTS*TB,{again.often_s - 0.5 / OFTEN:.6f})"
    step = f"if({often},{TIMESCALE // OFTEN},{TIMESCALE // SELDOM})"
    return picture.filter("setpts", f"if({added},PREV_OUTPTS+{step},PTS)")


def ranged(picture: Any, part: EncodeUnit) -> Any:
    """Cut to a range, between two frames; the very first one is shown from the beginning."""
    borders = {"start": part.start_s, "end": part.end_s}
    cut = {name: f"{at:.6f}" for name, at in borders.items() if at is not None}
    picture = picture.filter("trim", **cut)
    return picture.filter("setpts", "if(eq(N,0),0,PTS)" if part.start_s is None else "PTS")


def whole_frames(picture: Any, video: VideoStream) -> Any:
    """Weave the fields of an interlaced picture to frames, and name the colours it left unnamed.

    What is transparent is laid over black: nobody was meant to see what colour it has.
    """
    told = told_colours(video)
    if told:
        picture = picture.filter("setparams", **told)
    picture = common_colours(picture, video)
    for name, options in OVER_BLACK if video.transparent else ():
        picture = picture.filter(name, **options)
    if video.interlaced:
        # One frame for each frame, not for each field: the count stays the source's.
        parity = PARITIES.get(video.field_order or "", "auto")
        picture = picture.filter("bwdif", mode="send_frame", parity=parity, deint="all")
    if video.sideways_fields:
        picture = picture.filter("transpose", dir=TURNS[video.rotation, video.mirrored])
        picture = picture.filter("sidedata", mode="delete", type="DISPLAYMATRIX")
    return picture


def ordinary_light(picture: Any, video: VideoStream) -> Any:
    """Map light and colours to those of ordinary screens; most pictures stay as they are."""
    for name, options in screen_colours(video):
        picture = picture.filter(name, **options)
    return picture


def cascade(picture: Any, wanted: Sequence[VideoRendition], plan: Plan) -> dict[str, Any]:
    """Scale from size to size, largest first, for pictures of one kind of light."""
    video = plan.source.video
    if video is None or not wanted:
        return {}
    if not wanted[0].hdr:
        picture = ordinary_light(picture, video)
    made: dict[str, Any] = {}
    by_size = sorted(wanted, key=_size, reverse=True)
    sizes = [(size, list(group)) for size, group in groupby(by_size, key=_size)]
    for number, ((_, width, height), group) in enumerate(sizes):
        colours = scaled_colours(video) if number == 0 else {}
        here = (
            picture.filter("scale", w=width, h=height, flags="bicubic", **colours)
            .filter("setsar", "1")
            .filter("format", pix_fmts=pixel_format(group[0]))
        )
        if number == 0 and plan.profile.watermark is not None:
            here = watermarked(here, width, plan.profile.watermark)
            here = here.filter("format", pix_fmts=pixel_format(group[0]))
        takers = len(group) + (number + 1 < len(sizes))
        copies = [here] if takers == 1 else [here.split()[one] for one in range(takers)]
        made |= {video.name: copy for video, copy in zip(group, copies, strict=False)}
        picture = copies[-1]
    return made


def _size(video: VideoRendition) -> tuple[int, int, int]:
    return video.width * video.height, video.width, video.height


def watermarked(picture: Any, width: int, wanted: WatermarkSettings) -> Any:
    """Lay the profile's watermark over a picture `width` pixels wide."""
    mark = (
        ffmpeg.input(file_url(wanted.file), protocol_whitelist="file")["v:0"]
        .filter("scale", w=max(2, round(width * wanted.width)), h=-1, flags="area")
        .filter("format", pix_fmts="rgba")
        .filter("colorchannelmixer", aa=f"{wanted.opacity:g}")
    )
    away = round(width * wanted.margin)
    across = {"left": f"{away}", "right": f"W-w-{away}"}
    down = {"top": f"{away}", "bottom": f"H-h-{away}"}
    vertical, _, horizontal = wanted.corner.partition("-")
    x, y = across.get(horizontal, "(W-w)/2"), down.get(vertical, "(H-h)/2")
    return ffmpeg.overlay(picture, mark, x=x, y=y, eof_action="repeat", format="auto")
