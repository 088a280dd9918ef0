"""Stages: one source whose pictures change size, or its sound channels, between two frames.

ffmpeg then sets up anew the whole graph of filters that reads the changed stream: those that count
or keep time begin at nothing again. Broadcasts change so with each advertisement, calls with the
network. So a picture's graph is kept as it is, and begins with a filter that scales what differs;
and each sound has a graph of its own, without a filter that would begin at 0 again.

Graphs that are chained by label, the first to make frames alike, would do it for all sounds, but
ffmpeg 9.0 may wait for itself for ever where a stream of such a chain has a hole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import AudioStream, VideoStream

GRAPH = "-filter_complex"
#: Containers of broadcasts, whose sound may change its channels.
UNSTEADY = frozenset({"mpegts", "mpeg"})
#: A track that begins later than this behind the file needs silence before it, seconds.
LATE_S = 0.001
#: How an input is opened whose picture may change: what reads it is not set up anew.
KEPT_GRAPH = {"reinit_filter:v": 0}
#: What separates the filters of a graph, unless it is part of an option's value.
_SEPARATOR = re.compile(r"(?<!\\);")
#: The labels before and behind a filter; those of inputs' streams have a colon.
_BEFORE = re.compile(r"^(?:\[[^\]]+\])+")
_BEHIND = re.compile(r"(?:\[[^\]]+\])+$")
_LABEL = re.compile(r"\[([^\]]+)\]")


def one_size(picture: Any, video: VideoStream) -> Any:
    """Bring every frame to the size the file tells of; almost always that costs nothing."""
    width, height = video.width, video.height
    if video.turned and not video.sideways_fields:
        width, height = height, width
    return picture.filter("scale", w=width, h=height)


def begins_anew(plan: Plan, track: AudioStream) -> bool:
    """Whether a track's filters may be set up anew, and need not lead it in by silence."""
    late = track.start_s is None or track.start_s > plan.source.start_s + LATE_S
    return plan.source.container in UNSTEADY and not late and plan.profile.trim is None


def staged(argv: list[str]) -> list[str]:
    """Cut a command's graph into parts that have nothing in common."""
    if GRAPH not in argv:
        return argv
    at = argv.index(GRAPH)
    graphs = _parts(_SEPARATOR.split(argv[at + 1]))
    made = [part for graph in graphs for part in (GRAPH, ";".join(graph))]
    return [*argv[:at], *made, *argv[at + 2 :]]


def _parts(filters: list[str]) -> list[list[str]]:
    parts: list[tuple[set[str], list[str]]] = []
    for one in filters:
        labels, members = _labels(one), [one]
        for part in [part for part in parts if part[0] & labels]:
            labels, members = labels | part[0], part[1] + members
            parts.remove(part)
        parts.append((labels, members))
    return [members for _, members in parts]


def _labels(one: str) -> set[str]:
    """Give the labels before and behind a filter, but for the streams of inputs."""
    found = [part for part in (_BEFORE.search(one), _BEHIND.search(one)) if part]
    return {label for part in found for label in _LABEL.findall(part[0]) if ":" not in label}
