"""Capacity: the workers that encode, as they announced themselves, and how much is free."""

from __future__ import annotations

from pydantic import Field

from pipeline.plan.hardware import Hardware
from pipeline.plan.source import Fact
from pipeline.settings.profiles import VideoCodec


class EncodeWorker(Fact):
    """One worker. `slots` encodes run in it at once, `busy` of them now."""

    name: str
    slots: int = Field(default=1, ge=1)
    busy: int = Field(default=0, ge=0)
    #: Whether it also takes what needs no hardware.
    processor: bool = True
    #: What encoded its trial here, by kind.
    hardware: dict[Hardware, tuple[VideoCodec, ...]] = Field(default_factory=dict)
    #: The tags it has: it also takes what needs one of them.
    tags: tuple[str, ...] = ()


class Capacity(Fact):
    """Every worker that is there, and how many units of other jobs wait for one."""

    workers: tuple[EncodeWorker, ...] = ()
    waiting: int = Field(default=0, ge=0)

    def having(self, tag: str | None) -> Capacity:
        """Give the part of it that may take what needs this tag: all of it for None."""
        able = tuple(one for one in self.workers if tag is None or tag in one.tags)
        return self.model_copy(update={"workers": able})

    @property
    def free(self) -> int:
        """How many more encodes on the processor could begin at once, other jobs served first."""
        slots = sum(max(one.slots - one.busy, 0) for one in self.workers if one.processor)
        return max(slots - self.waiting, 0)

    def codecs(self, kind: Hardware) -> frozenset[VideoCodec]:
        """Give the codecs that every worker with this kind of hardware can encode.

        Any of them may take the unit, so what only some can do does not count.
        """
        able = [frozenset(one.hardware[kind]) for one in self.workers if kind in one.hardware]
        return frozenset.intersection(*able) if able else frozenset()
