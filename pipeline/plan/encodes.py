"""Encode units: which rungs share one decode. A unit is one member of the canvas's group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.plan.names import AUDIO_STEP, rendition_step
from pipeline.plan.source import Fact

if TYPE_CHECKING:
    from pipeline.plan.ladder import Rung


class EncodeUnit(Fact):
    """A set of rungs (and the sound, if `audio`) times a range of the source, in one ffmpeg.

    `start_s` and `end_s` are None for the whole source.
    """

    name: str
    rungs: tuple[str, ...]
    audio: bool
    start_s: float | None = None
    end_s: float | None = None
    capability: Literal["cpu", "gpu"] = "cpu"

    @property
    def steps(self) -> tuple[str, ...]:
        """The history's steps that this unit does."""
        rungs = tuple(rendition_step(rung) for rung in self.rungs)
        return (*rungs, AUDIO_STEP) if self.audio else rungs


def encode_units(rungs: tuple[Rung, ...], *, audio: bool, slots: int) -> tuple[EncodeUnit, ...]:
    """Choose the units: with one worker free, one of everything, so that all is decoded once.

    `slots` counts the workers that are free for this job, at least 1. Raises `ValueError`.
    """
    if slots < 1:
        raise ValueError("at least one worker is needed")
    return (EncodeUnit(name="all", rungs=tuple(rung.name for rung in rungs), audio=audio),)
