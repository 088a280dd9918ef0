"""Stages: one source whose pictures change size, or its sound channels, between two frames.

ffmpeg then sets up anew the whole graph of filters that reads the changed stream: those that count
or keep time begin at nothing again. Broadcasts change so with each advertisement, calls with the
network. So a picture's graph is kept as it is, and begins with a filter that scales what differs.
A sound that may change is read by two graphs: the first makes its frames alike and is set up anew,
the second keeps time. Between them it is written as samples and decoded again (a loopback decoder):
ffmpeg 9.0 tells a graph that reads another one directly of no end, and what its filters still hold
or would add then is lost. It is encoded apart from all else: ffmpeg may wait for itself for ever
where a stream of such a chain has a hole and others have none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.plan.colour import common_matrix

if TYPE_CHECKING:
    from pipeline.plan.source import VideoStream

GRAPH = "-filter_complex"
#: Containers of broadcasts, whose sound may change its channels.
UNSTEADY = frozenset({"mpegts", "mpeg"})
#: The filter that ends a graph: what comes behind it is another one. What goes from one to the
#: other is samples, written to nowhere.
BORDER = "anull"
#: The filter that drops every packet of an output to nowhere: where they overlap, even such a one
#: complains.
DROPPED = "noise=amount=0:drop=1"
_SAMPLES = ("-c:a", "pcm_f32le", "-bsf:a", DROPPED, "-f", "null", "-")
#: How an input is opened whose picture may change: what reads it is not set up anew.
KEPT_GRAPH = {"reinit_filter:v": 0}
#: What separates the filters of a graph, unless it is part of an option's value.
_SEPARATOR = re.compile(r"(?<!\\);")
#: The labels before and behind a filter; those of inputs' streams have a colon.
_BEFORE = re.compile(r"^(?:\[[^\]]+\])+")
_BEHIND = re.compile(r"(?:\[[^\]]+\])+$")
_LABEL = re.compile(r"\[([^\]]+)\]")


def one_size(picture: Any, video: VideoStream) -> Any:
    """Bring every frame to the size the file tells of; almost always that costs nothing.

    What `scale` does not let through comes to its size with its colours.
    """
    if common_matrix(video):
        return picture
    width, height = _size(video)
    return picture.filter("scale", w=width, h=height)


def common_colours(picture: Any, video: VideoStream) -> Any:
    """Bring a picture of a rare matrix, and all its frames' sizes, to what every filter takes."""
    matrix = common_matrix(video)
    if matrix is None:
        return picture
    width, height = _size(video)
    return picture.filter("zscale", w=width, h=height, m=matrix)


def _size(video: VideoStream) -> tuple[int, int]:
    if video.turned and not video.sideways_fields:
        return video.height, video.width
    return video.width, video.height


def staged(argv: list[str]) -> list[str]:
    """Cut a command's graph into parts that have nothing in common, and pass over its borders."""
    if GRAPH not in argv:
        return argv
    at = argv.index(GRAPH)
    filters = _SEPARATOR.split(argv[at + 1])
    graphs = [";".join(graph) for graph in _parts(filters)]
    before: list[str] = []
    for number, label in enumerate(_passed(filters)):
        ended = next(graph for graph in graphs if graph.endswith(label))
        graphs = [one.replace(label, f"[dec:{number}]") for one in graphs if one != ended]
        before += [GRAPH, ended, "-map", label, *_SAMPLES, "-dec", f"{number}:0"]
    made = [part for graph in graphs for part in (GRAPH, graph)]
    return [*argv[:at], *before, *made, *argv[at + 2 :]]


def _passed(filters: list[str]) -> list[str]:
    """Give the labels behind the borders, which the graphs behind those read."""
    found = (_BEHIND.search(one) for one in filters if _ends(one))
    return [part[0] for part in found if part]


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
    """Give the labels before and behind a filter, but for the streams of inputs.

    What is behind a border belongs to the next graph.
    """
    before, behind = _BEFORE.search(one), _BEHIND.search(one)
    found = [part for part in (before, None if _ends(one) else behind) if part]
    return {label for part in found for label in _LABEL.findall(part[0]) if ":" not in label}


def _ends(one: str) -> bool:
    """Whether a filter is a border."""
    return _BEFORE.sub("", one).startswith(BORDER)
