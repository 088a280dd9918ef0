"""The plan: everything that will be made of a source, decided at once and stored with the job."""

from __future__ import annotations

import math

from pipeline.plan.encodes import EncodeUnit, encode_units
from pipeline.plan.ladder import Rung, ladder
from pipeline.plan.source import AudioStream, Fact, Source
from pipeline.settings.profiles import Profile

#: Changes when stored plans can no longer be read as they were meant.
VERSION = 1
#: The length of a segment, seconds, before it is made a multiple of the key frames' distance:
#: long enough to compress and cache well, short enough to switch renditions within a few.
SEGMENT_S = 4.0


class Plan(Fact):
    """What will be made. `profile` is as it was when the plan was made; `segment_s` in seconds.

    `audio` is the track that is encoded; None when the source is silent.
    """

    version: int
    source: Source
    profile: Profile
    rungs: tuple[Rung, ...]
    audio: AudioStream | None
    units: tuple[EncodeUnit, ...]
    segment_s: float

    def rung(self, name: str) -> Rung:
        """Give the rung of this name. Raises `KeyError`."""
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise KeyError(name)


def make_plan(source: Source, profile: Profile, slots: int) -> Plan:
    """Plan a source: a pure function of what it is, what is wanted and the free workers."""
    rungs = ladder(source, profile.video.ladder)
    audio = default_audio(source)
    gop_s = profile.video.gop_seconds
    return Plan(
        version=VERSION,
        source=source,
        profile=profile,
        rungs=rungs,
        audio=audio,
        units=encode_units(rungs, audio=audio is not None, slots=slots),
        segment_s=gop_s * max(1, math.ceil(SEGMENT_S / gop_s)),
    )


def default_audio(source: Source) -> AudioStream | None:
    """Choose the track that is heard: the first marked default, else the first."""
    marked = [track for track in source.audio if track.default]
    return next(iter([*marked, *source.audio]), None)
