"""The master playlist, put right: bandwidths, frame rate and light as they really are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.plan.bandwidth import NOTHING, Rates
from pipeline.plan.frame_rate import hls_rate
from pipeline.plan.names import playlist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from fractions import Fraction

    from pipeline.plan.plan import Plan

STREAM = "#EXT-X-STREAM-INF:"
I_FRAMES = "#EXT-X-I-FRAME-STREAM-INF:"
MEDIA = "#EXT-X-MEDIA:"
#: The version of the protocol that the media playlists need (RFC 8216, section 7).
VERSION = 6
#: HLS's words for the transfer curves that are not those of ordinary screens.
RANGES = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')

Attributes = dict[str, str]


def with_rates(
    master: str, plan: Plan, rates: Mapping[str, Rates], frames_s: Fraction | None
) -> str:
    """Write what each variant takes: `rates` maps each playlist's name to what was measured.

    A variant's rate is that of its picture and of the largest sound and text that can be played
    with it (RFC 8216, 4.3.4.2). `frames_s` is the pictures' frame rate; None leaves what is said.
    Raises `KeyError` for a playlist that was not measured.
    """
    lines = [line for line in master.splitlines() if not line.startswith("#EXT-X-VERSION:")]
    groups = _groups(lines, rates)
    told = _ranges(plan)
    return "\n".join(_lines(lines, groups, rates, told, frames_s)) + "\n"


def _lines(
    lines: list[str],
    groups: Mapping[tuple[str, str], _Group],
    rates: Mapping[str, Rates],
    told: Mapping[str, str],
    frames_s: Fraction | None,
) -> Iterator[str]:
    for number, line in enumerate(lines):
        if line == "#EXTM3U":
            yield f"{line}\n#EXT-X-VERSION:{VERSION}"
        elif line.startswith(STREAM):
            said, uri = attributes(line), lines[number + 1]
            named = [groups.get((kind, said.get(kind, "")), _Group()) for kind in _KINDS]
            # Where there is only sound, the variant itself is one of those to choose between.
            own = NOTHING if any(uri in group.uris for group in named) else rates[uri]
            said |= _bandwidth(sum((group.most for group in named), own))
            if "RESOLUTION" in said:
                said |= _picture(told[uri], frames_s)
            yield _line(STREAM, said)
        elif line.startswith(I_FRAMES):
            said = attributes(line)
            uri = said["URI"].strip('"')
            said |= _bandwidth(rates[uri]) | _picture(told[uri], None)
            yield _line(I_FRAMES, said)
        else:
            yield line


#: The kinds of group a variant may name, each by its attribute.
_KINDS = ("AUDIO", "SUBTITLES")


def _bandwidth(rates: Rates) -> Attributes:
    return {"BANDWIDTH": str(rates.peak), "AVERAGE-BANDWIDTH": str(rates.average)}


def _picture(light: str, frames_s: Fraction | None) -> Attributes:
    rate = {} if frames_s is None else {"FRAME-RATE": hls_rate(frames_s)}
    return {**rate, "VIDEO-RANGE": light}


class _Group(NamedTuple):
    """The renditions to choose between: their playlists, and the most that one of them takes."""

    uris: tuple[str, ...] = ()
    most: Rates = NOTHING


def _groups(lines: Iterable[str], rates: Mapping[str, Rates]) -> dict[tuple[str, str], _Group]:
    """Give each group, by kind and its quoted id."""
    found: dict[tuple[str, str], _Group] = {}
    for line in lines:
        said = attributes(line) if line.startswith(MEDIA) else {}
        if "URI" in said:
            uri, key = said["URI"].strip('"'), (said["TYPE"], said["GROUP-ID"])
            one, (uris, most) = rates[uri], found.get(key, _Group())
            larger = Rates(max(most.peak, one.peak), max(most.average, one.average))
            found[key] = _Group((*uris, uri), larger)
    return found


def _ranges(plan: Plan) -> dict[str, str]:
    """Say what light each picture is in, by the names of its two playlists."""
    video = plan.source.video
    bright = RANGES.get((video.color_transfer if video else None) or "", "PQ")
    found = {}
    for one in plan.videos:
        name = playlist(one.name).rpartition("/")[2]
        found[name] = bright if one.hdr else "SDR"
        found[name.replace(".m3u8", "-iframe.m3u8")] = found[name]
    return found


def attributes(line: str) -> Attributes:
    """Read the attributes of a tag's line; quotes stay."""
    return dict(_ATTRIBUTE.findall(line.partition(":")[2]))


def _line(tag: str, said: Attributes) -> str:
    return tag + ",".join(f"{key}={value}" for key, value in said.items())
