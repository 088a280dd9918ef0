"""Encode units: which renditions share one decode. A unit is one member of the canvas's group."""

from __future__ import annotations

from typing import Literal

from pipeline.plan.names import rendition_step
from pipeline.plan.source import Fact

Capability = Literal["cpu", "gpu"]


class EncodeUnit(Fact):
    """A set of renditions, named, times a range of the source, in one ffmpeg.

    `start_s` and `end_s` are None for the whole source.
    """

    name: str
    renditions: tuple[str, ...]
    start_s: float | None = None
    end_s: float | None = None
    capability: Capability = "cpu"

    @property
    def steps(self) -> tuple[str, ...]:
        """The history's steps that this unit does."""
        return tuple(rendition_step(name) for name in self.renditions)


def encode_units(renditions: tuple[str, ...], *, slots: int) -> tuple[EncodeUnit, ...]:
    """Choose the units: with one worker free, one of everything, so that all is decoded once.

    `slots` counts the workers that are free for this job, at least 1. Raises `ValueError`.
    """
    if slots < 1:
        raise ValueError("at least one worker is needed")
    return (EncodeUnit(name="all", renditions=renditions),) if renditions else ()
