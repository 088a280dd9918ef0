"""Ranges: one long source encoded by several workers at once, each a part with all its pictures.

The rule, in its order:

1. Only what is certain to come out as if it had been encoded whole is cut (`why_whole` says what
   keeps a source from it): a steady picture in MP4, MOV or Matroska, encoded by the processor.
2. There must be two encodes free at least. Each cut has `2 * LEAD_S` encoded twice, and all cuts
   together no more than a share of `TWICE`: so there is one for each `LEAST_S` of the source.
3. Each free encode gets one range, or two where the source is long enough: who is done early then
   takes another. Of a very long source none is longer than `MOST_S`: a range is what is lost with
   a worker.
4. A range begins where a segment of the stream begins, with the very frame that begins it in one
   whole encode. Where rounded times leave that open, the next segment that is certain is taken.
   So every key frame lies where one encode had put it.

Every range is decoded once and makes all pictures. Sounds and texts are a unit of their own, uncut:
an encoder of sound needs what came before. When all of it is done, a last unit joins the ranges
without coding anything again.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.plan.encodes import EncodeUnit
from pipeline.plan.holding import held
from pipeline.plan.names import range_step
from pipeline.plan.spans import opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.plan.capacity import Capacity
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import VideoStream

#: How much more is encoded before and after a range, seconds. x264 and x265 choose the quality of a
#: frame by those before it and by what will refer to it: without, frames near a join were up to
#: 2.7 dB worse (PSNR) than in one encode.
LEAD_S = 4.0
#: The most of a source that may be encoded twice, as a share: so much more work, half of it for
#: nothing but the leads, takes a film of 40 seconds from 40 to 24 where two encodes are free.
TWICE = 0.2
#: So much of a source must be there for each cut, seconds: two ranges need it, three twice as much.
LEAST_S = 2 * LEAD_S / TWICE
#: No range is longer, seconds, as far as free workers can help it.
MOST_S = 600.0
#: So many ranges a free encode, where they are long enough.
EACH = 2
#: How far apart the source's key frames may be on average, seconds: each range is decoded from the
#: one before it.
KEY_FRAMES_S = 10.0
#: Key frames may be no closer than this, seconds: a range's are asked for one by one, and a command
#: has room for some thousands.
LEAST_SPAN_S = 0.25
#: A range begins no further from where it would than this share of its length: 1 by so many.
REACH = 4
#: Containers whose index leads to a frame exactly.
INDEXED = ("mov", "matroska")
JOIN = "join"
SOUND = "sound"


def in_ranges(
    plan: Plan, units: Sequence[EncodeUnit], capacity: Capacity
) -> tuple[EncodeUnit, ...] | None:
    """Cut the work into ranges, a unit for what is not cut, and one that joins; None: it is whole.

    `units` are how it is cut otherwise.
    """
    video = plan.source.video
    if video is None or why_whole(plan, units, capacity) is not None:
        return None
    names = tuple(one.name for one in plan.videos)
    borders = _borders(plan, video, how_many(plan.duration_s, capacity.free))
    frames = [0, *borders, video.frames]
    cuts = [None, *(_before(plan, video, frame) for frame in borders), None]
    ranges = [
        EncodeUnit(
            name=range_step(number + 1),
            renditions=names,
            start_s=cuts[number],
            end_s=cuts[number + 1],
            kind="range",
            frames=frames[number + 1] - frames[number],
        )
        for number in range(len(frames) - 1)
    ]
    others = (*(one.name for one in plan.sounds), *(one.name for one in plan.texts))
    beside = [EncodeUnit(name=SOUND, renditions=others)] if others else []
    return (*ranges, *beside, EncodeUnit(name=JOIN, renditions=names, kind="join"))


def why_whole(plan: Plan, units: Sequence[EncodeUnit], capacity: Capacity) -> str | None:
    """Say why the source is not cut, as the end of a sentence; None when it can be."""
    video, profile = plan.source.video, plan.profile
    if video is None or not plan.videos:
        return "it has no picture"
    if capacity.free < 2:  # noqa: PLR2004
        return "fewer than two encodes are free"
    if how_many(plan.duration_s, capacity.free) < 2:  # noqa: PLR2004
        return f"it is shorter than {LEAST_S:g} s"
    reasons = {
        "hardware encodes it": any(unit.capability != "cpu" for unit in units),
        "only a part of it is used": profile.trim is not None,
        "its profile caps the bit rate, which an encoder keeps only over what it has seen": any(
            one.max_bitrate is not None for one in plan.videos
        ),
        "its profile wants key frames too close together": (
            profile.video.gop_seconds < LEAST_SPAN_S
        ),
        "a watermark is laid over it": profile.watermark is not None,
        "it is interlaced": video.interlaced,
        "it is transparent": video.transparent,
        "its container does not lead to a frame exactly": not plan.source.container.startswith(
            INDEXED
        ),
        "its frames don't come at a steady rate": video.steady_rate is None,
        "it has holes or leaps": bool(video.missing or video.jumps or video.leading),
        "its picture begins late": not _begins_at_once(plan, video),
        "its sound goes on after its picture": held(plan) is not None,
        "it has too few key frames": video.key_frames * KEY_FRAMES_S < plan.duration_s,
    }
    why = next((why for why, true in reasons.items() if true), None)
    if why is None and not _borders(plan, video, how_many(plan.duration_s, capacity.free)):
        return "it is not certain with which frames its segments begin"
    return why


def how_many(duration_s: float, free: int) -> int:
    """Choose the number of ranges; less than two: it is not cut."""
    most = 1 + int(duration_s // LEAST_S)
    if free < 1 or most < free:
        return most
    rounds = min(EACH, most // free)
    return free * max(rounds, math.ceil(duration_s / (free * MOST_S)))


def said_of_ranges(units: Sequence[EncodeUnit], capacity: Capacity) -> str | None:
    """Say into how many ranges a source was cut; None when it was not."""
    count = sum(unit.kind == "range" for unit in units)
    return f"cut into {count} ranges: {capacity.free} encodes are free" if count else None


def _begins_at_once(plan: Plan, video: VideoStream) -> bool:
    return video.steady_rate is None or (
        0 <= video.first_pts_s - plan.source.start_s <= float(1 / video.steady_rate)
    )


def _borders(plan: Plan, video: VideoStream, count: int) -> list[int]:
    """Number the first frame of each range but the first: it begins a segment of the stream."""
    rate = video.steady_rate or Fraction(1)
    first_s = video.first_pts_s - plan.source.start_s
    reach = int(plan.duration_s / max(count, 1) / plan.segment_s / REACH)
    found: set[int] = set()
    for number in range(1, count):
        wanted = round(plan.duration_s * number / count / plan.segment_s)
        near = sorted(range(wanted - reach, wanted + reach + 1), key=lambda one: abs(one - wanted))
        frames = (opener(one, plan.segment_s, first_s, rate, video.unsteady_s) for one in near)
        found.update(islice((one for one in frames if one and 0 < one < video.frames), 1))
    return sorted(found)


def _before(plan: Plan, video: VideoStream, frame: int) -> float:
    """Give the moment between a frame and the one before it: no rounding moves either over it."""
    rate = video.steady_rate or Fraction(1)
    first_s = video.first_pts_s - plan.source.start_s
    return round(first_s + float((frame - Fraction(1, 2)) / rate), 6)
