"""The plan: everything that will be made of a source, decided at once and stored with the job."""

from __future__ import annotations

import math

from pipeline.plan.capacity import Capacity
from pipeline.plan.encodes import EncodeUnit, encode_units, said_of_hardware
from pipeline.plan.ranges import in_ranges, said_of_ranges
from pipeline.plan.renditions import (
    SoundRendition,
    TextRendition,
    VideoRendition,
    sounds,
    texts,
    videos,
)
from pipeline.plan.source import Fact, Source
from pipeline.settings.profiles import Profile

#: Changes when stored plans can no longer be read as they were meant.
VERSION = 2
#: The length of a segment, seconds, before it is made a multiple of the key frames' distance:
#: long enough to compress and cache well, short enough to switch renditions within a few.
SEGMENT_S = 4.0
#: A part of less than this is none, seconds: most frames are shown for longer.
LEAST_S = 0.02

Rendition = VideoRendition | SoundRendition | TextRendition


class Plan(Fact):
    """What will be made. `profile` is as it was when the plan was made; `segment_s` in seconds."""

    version: int
    source: Source
    profile: Profile
    videos: tuple[VideoRendition, ...]
    sounds: tuple[SoundRendition, ...]
    texts: tuple[TextRendition, ...]
    units: tuple[EncodeUnit, ...]
    segment_s: float
    #: What was decided otherwise than the profile says, in sentences for the job's history.
    notes: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[VideoRendition | SoundRendition, ...]:
        """Everything that is encoded: pictures and sounds."""
        made: list[VideoRendition | SoundRendition] = [*self.videos, *self.sounds]
        return tuple(made)

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """Everything that is made: pictures, sounds, texts."""
        return (*self.streams, *self.texts)

    @property
    def steps(self) -> tuple[str, ...]:
        """The history's steps that make the renditions."""
        return tuple(step for unit in self.units if unit.kind != "range" for step in unit.steps)

    @property
    def ranges(self) -> tuple[EncodeUnit, ...]:
        """The ranges that the source is cut into, in their order; none where it is whole."""
        return tuple(unit for unit in self.units if unit.kind == "range")

    def unit(self, name: str) -> EncodeUnit:
        """Give the unit of this name. Raises `KeyError`."""
        for unit in self.units:
            if unit.name == name:
                return unit
        raise KeyError(name)

    @property
    def start_s(self) -> float:
        """Where the used part of the source begins, seconds from its start."""
        return self.profile.trim.start.total_seconds() if self.profile.trim else 0.0

    @property
    def end_s(self) -> float:
        """Where the used part of the source ends, seconds from its start."""
        trim = self.profile.trim
        if trim is None or trim.end is None:
            return self.source.duration_s
        return min(trim.end.total_seconds(), self.source.duration_s)

    @property
    def duration_s(self) -> float:
        """How long the used part of the source is, seconds."""
        return max(self.end_s - self.start_s, 0.0)

    @property
    def leaves_nothing(self) -> bool:
        """Whether `trim` leaves nothing of the source to show or hear."""
        return self.profile.trim is not None and self.duration_s < LEAST_S


def make_plan(
    source: Source, profile: Profile, capacity: Capacity | None = None, tag: str | None = None
) -> Plan:
    """Plan a source: a pure function of what it is, what is wanted and the workers there are.

    Without a `capacity` it is planned for one worker without hardware. `tag` is what the workers
    must have that encode it; `capacity` is that of those who do.
    """
    pictures = videos(source, profile.video)
    heard = sounds(source, profile.audio)
    read = texts(source, profile)
    gop_s = profile.video.gop_seconds
    made = Plan(
        version=VERSION,
        source=source,
        profile=profile,
        videos=pictures,
        sounds=heard,
        texts=read,
        units=(),
        segment_s=gop_s * max(1, math.ceil(SEGMENT_S / gop_s)),
    )
    if not made.streams or made.leaves_nothing:
        return made
    cut = _cut(made, capacity or Capacity())
    if tag is None or (capacity is not None and capacity.workers):
        return cut
    waits = f"no worker with the tag {tag} is there: its encodes wait for one"
    return cut.model_copy(update={"notes": (*cut.notes, waits)})


def _cut(plan: Plan, capacity: Capacity) -> Plan:
    """Cut a plan's work into units."""
    wanted = plan.profile.video.encoder
    units = encode_units(
        plan.videos,
        [*(one.name for one in plan.sounds), *(one.name for one in plan.texts)],
        duration_s=plan.duration_s,
        wanted=wanted,
        capacity=capacity,
    )
    units = in_ranges(plan, units, capacity) or units
    said = (said_of_hardware(plan.videos, wanted, units), said_of_ranges(units, capacity))
    return plan.model_copy(update={"units": units, "notes": tuple(one for one in said if one)})


def uncut(plan: Plan, why: str) -> Plan:
    """Give the plan with its whole source as one unit, because its ranges came out wrong."""
    made = _cut(plan, Capacity())
    return made.model_copy(update={"notes": (*plan.notes, why)})
