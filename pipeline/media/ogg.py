"""Ogg: when sound begins and ends that does not go on as long as its picture.

Only the last packet of a page has a time. Where all of a sound lies in one page, which may be its
first and last, ffmpeg reckons from 0 on; and of one that ends before the file does it tells the
file's length.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.media.content import opened
from pipeline.media.extent import MOST_PARTS, OGG, OGG_HEAD
from pipeline.plan.holding import APART_S
from pipeline.plan.source import Pause

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.media.packets import Packets
    from pipeline.plan.source import AudioStream

#: No packet of sound is longer than this, seconds: FLAC's are up to 0.4.
HOLE_S = 0.5
#: The most packets of a page: each has a segment at least (RFC 3533).
MOST_OF_PAGE = 255
#: The time of a page in which no packet ends.
NO_TIME = (1 << 64) - 1
#: How Opus begins, where it tells how many samples are not heard, and how many a second it counts
#: whatever its rate (RFC 7845).
OPUS, UNHEARD, OPUS_RATE = b"OpusHead", slice(10, 12), 48_000


def with_true_times(
    path: Path, tracks: tuple[AudioStream, ...], picture: Packets
) -> tuple[AudioStream, ...]:
    """Correct when the sounds of a film begin and how long they last, by when their packets come.

    `picture` are its packets, listed with those of its sounds. Raises `OSError`.
    """
    return tuple(
        _corrected(path, one, heard_s, picture.end_s or 0.0)
        if (heard_s := picture.heard_s.get(one.index))
        else one
        for one in tracks
    )


def _corrected(
    path: Path, track: AudioStream, heard_s: array[float], shown_s: float
) -> AudioStream:
    ends_s = heard_s[-1] + _last_s(heard_s)
    early = ends_s < shown_s - APART_S
    page = _before_hole(heard_s[: MOST_OF_PAGE + 1])
    alone = len(page) == len(heard_s)
    late_s = 0.0
    if len(page) <= MOST_OF_PAGE and (early or not alone):
        late_s = _late_s(path, track, page, alone=alone)
        # What would begin behind the picture has a time that is not to be believed.
        late_s = 0.0 if late_s > shown_s else late_s
    if not early and not late_s:
        return track
    begins_s = heard_s[0] + late_s
    ends_s += late_s if alone else 0.0
    waits = [Pause(after_s=0.0, length_s=late_s)] if late_s else []
    if waits and not alone:
        # What comes behind has times of its own.
        waits.append(Pause(after_s=heard_s[len(page)], length_s=-late_s))
    return track.model_copy(
        update={"start_s": begins_s, "duration_s": ends_s - begins_s, "pauses": tuple(waits)}
    )


def _before_hole(heard_s: array[float]) -> array[float]:
    """Give the packets before the first that does not follow on the one before."""
    steps_s = enumerate(pairwise(heard_s), 1)
    return heard_s[: next((n for n, (one, two) in steps_s if two - one > HOLE_S), len(heard_s))]


def _last_s(heard_s: array[float]) -> float:
    """Say how long the last packet is: as long as the one before."""
    return heard_s[-1] - heard_s[-2] if len(heard_s) > 1 else 0.0


def _late_s(path: Path, track: AudioStream, page: array[float], *, alone: bool) -> float:
    """Say how much later the packets of the first page come than they say, seconds.

    Where it is the last, too, nobody knows how much is cut off of its last packet: half of it is
    the least mistake.
    """
    with opened(path) as file:
        ends_s = next(_page_ends_s(file, track), 0.0)
    late_s = ends_s - page[-1] - (_last_s(page) / 2 if alone else _last_s(page))
    return late_s if late_s > APART_S else 0.0


def _page_ends_s(file: BinaryIO, track: AudioStream) -> Iterator[float]:
    """Give when each page of a sound ends in which some packet does, seconds."""
    begun: list[int] = []
    rate, unheard = max(track.sample_rate, 1), 0
    for page in _pages(file):
        if page.first:
            begun.append(page.serial)
            if len(begun) == track.index + 1:
                head = file.read(UNHEARD.stop)
                if head.startswith(OPUS):
                    rate, unheard = OPUS_RATE, int.from_bytes(head[UNHEARD], "little")
        elif begun[track.index : track.index + 1] == [page.serial] and page.ends not in (
            0,
            NO_TIME,
        ):
            yield (page.ends - unheard) / rate


class _Page(NamedTuple):
    first: bool
    ends: int
    serial: int


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """Give each page, while the file is at what it holds."""
    at = 0
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(OGG_HEAD)
        if len(head) < OGG_HEAD or not head.startswith(OGG):
            return
        lengths = file.read(head[26])
        at += OGG_HEAD + len(lengths) + sum(lengths)
        ends, serial = (
            int.from_bytes(head[part], "little") for part in (slice(6, 14), slice(14, 18))
        )
        yield _Page(bool(head[5] & 0x02), ends, serial)
