"""Is the system ready? Workers answer a ping, pages answer a request; the rest just runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app import answering
from pipeline.stack.presence import HEALTH, page_answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.settings.load import Settings
    from pipeline.stack.part import Part

#: How long an answer is waited for, seconds; who has not answered is asked again.
ANSWER_S = 0.5


class Readiness:
    """Remembers which parts have answered; `missing` asks the others once more."""

    def __init__(self, settings: Settings, parts: Iterable[Part]) -> None:
        self._nodes = {part.node: part.name for part in parts if part.node}
        self._pages = {
            part.name: getattr(settings.pipeline, part.name).listen
            for part in parts
            if part.name in HEALTH
        }
        self._missing = {*self._nodes.values(), *self._pages}

    def missing(self) -> frozenset[str]:
        """Ask who has not answered yet; takes a second at most. Returns who is still missing."""
        nodes = [node for node, name in self._nodes.items() if name in self._missing]
        if nodes:
            self._missing -= {self._nodes[node] for node in answering(nodes, ANSWER_S)}
        for name in self._missing & self._pages.keys():
            if page_answers(self._pages[name], HEALTH[name]):
                self._missing -= {name}
        return frozenset(self._missing)
