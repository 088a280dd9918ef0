"""Encode units: which renditions share one decode, and what kind of worker makes them.

A unit is one member of the canvas's group. The rule, in its order:

1. `encoder: cpu` keeps everything on the processor. `nvenc`, `qsv` and `vaapi` ask for that kind of
   hardware; `auto` takes the first of them that a worker has announced. Who connects a worker with
   a card that works wants it used, and who prefers the smaller files of the processor writes `cpu`.
2. With such hardware, the pictures it can take are one unit for a worker that has it: in a codec
   that every such worker can encode, in eight bits, and not larger than cards take. Pictures too
   small for cards go along and are encoded by the processor of that worker, which is less work
   than another decode. If no picture is left, sound and texts go along too, and the source is
   decoded once. Otherwise they go with what is left: they need no hardware.
3. What is left, or everything, is for the processor: one unit, so that all is decoded once. Several
   codecs are spread over as many units as there are free workers when the source is long enough to
   repay another decode, so that the dearest codecs lie in different units.
4. A long picture that only the processor encodes is cut into ranges where several workers are
   free: see `pipeline.plan.ranges`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.plan.hardware import KINDS, small, takes
from pipeline.plan.names import rendition_step
from pipeline.plan.source import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.plan.capacity import Capacity
    from pipeline.plan.hardware import Hardware
    from pipeline.plan.renditions import VideoRendition
    from pipeline.settings.profiles import Encoder, VideoCodec

Capability = Literal["cpu", "nvenc", "qsv", "vaapi"]
#: A source shorter than this, seconds, is decoded once for all codecs: starting another encode
#: elsewhere would cost more than it saves.
WORTH_SPREADING_S = 10.0
#: Processor seconds an encoder takes, as rough multiples of x264's at the same preset and usual
#: quality, measured at 854x480 with `medium` and `veryfast`.
COST: dict[VideoCodec, int] = {"h264": 1, "hevc": 2, "av1": 1, "vp9": 4}


class EncodeUnit(Fact):
    """A set of renditions, named, times a range of the source, in one ffmpeg.

    `start_s` and `end_s` are None for the whole source. `capability` is what its worker must have.
    A range makes one file of all its pictures, with as many `frames` each; the unit that joins
    makes the renditions of those files.
    """

    name: str
    renditions: tuple[str, ...]
    start_s: float | None = None
    end_s: float | None = None
    capability: Capability = "cpu"
    kind: Literal["whole", "range", "join"] = "whole"
    frames: int | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The history's steps that this unit does."""
        if self.kind == "range":
            return (self.name,)
        return tuple(rendition_step(name) for name in self.renditions)


def encode_units(
    videos: Sequence[VideoRendition],
    others: Sequence[str],
    *,
    duration_s: float,
    wanted: Encoder,
    capacity: Capacity,
) -> tuple[EncodeUnit, ...]:
    """Choose the units by the rule above: every picture and every one of `others` is in one.

    `others` names sounds and texts; `duration_s` is that of the source's used part, seconds.
    """
    kind = chosen_hardware(videos, wanted, capacity)
    able = capacity.codecs(kind) if kind else frozenset()
    carded = [one for one in videos if one.codec in able and (takes(one) or small(one))]
    left = [one for one in videos if one not in carded]
    if kind is not None and not left:
        return (_unit("all", videos, others, kind),)
    units = [_unit(kind, carded, (), kind)] if kind is not None else []
    count = capacity.free if duration_s >= WORTH_SPREADING_S else 1
    groups = _spread(left, count)
    for number, group in enumerate(groups):
        codecs = "-".join(dict.fromkeys(one.codec for one in group))
        name = "all" if not units and len(groups) == 1 else codecs
        units.append(_unit(name, group, others if number == 0 else ()))
    return tuple(one for one in units if one.renditions)


def chosen_hardware(
    videos: Sequence[VideoRendition], wanted: Encoder, capacity: Capacity
) -> Hardware | None:
    """Choose the kind of hardware that encodes at least one of the pictures; None for none."""
    for kind in KINDS:
        able = capacity.codecs(kind)
        if wanted in ("auto", kind) and any(takes(one) and one.codec in able for one in videos):
            return kind
    return None


def said_of_hardware(
    videos: Sequence[VideoRendition], wanted: Encoder, units: Sequence[EncodeUnit]
) -> str | None:
    """Say so when a profile names hardware that some of its pictures can't be encoded with."""
    if wanted in ("auto", "cpu") or not videos:
        return None
    on_cards = {name for unit in units if unit.capability == wanted for name in unit.renditions}
    without = [one.name for one in videos if one.name not in on_cards]
    if len(without) == len(videos):
        return f"no worker can encode this with {wanted}: the processor does"
    if without:
        return f"{', '.join(without)}: not for {wanted}, encoded by the processor"
    return None


def _unit(
    name: str, videos: Sequence[VideoRendition], others: Sequence[str], kind: Capability = "cpu"
) -> EncodeUnit:
    names = (*(one.name for one in videos), *others)
    return EncodeUnit(name=name, renditions=names, capability=kind)


def _spread(videos: Sequence[VideoRendition], count: int) -> list[list[VideoRendition]]:
    """Put the codecs into at most `count` groups of about equal cost, at least one; order kept."""
    codecs = list(dict.fromkeys(one.codec for one in videos))
    loads: list[list[VideoCodec]] = [[] for _ in range(max(1, min(count, len(codecs))))]
    for codec in sorted(codecs, key=lambda one: -COST[one]):
        min(loads, key=lambda load: sum(COST[one] for one in load)).append(codec)
    loads.sort(key=lambda load: min(map(codecs.index, load), default=0))
    return [[one for one in videos if one.codec in load] for load in loads]
