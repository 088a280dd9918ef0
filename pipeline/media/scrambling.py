"""Scrambling: which streams of an MPEG transport stream are locked (ISO/IEC 13818-1, 2.4.3.3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.media.content import opened

if TYPE_CHECKING:
    from pathlib import Path

#: A packet, and one with a time before it, as Blu-ray and camcorders have it; how one begins.
PACKET, TIMED_PACKET, SYNC = 188, 192, 0x47
#: How much of a file is looked at, bytes: scrambling begins and ends with a programme.
LOOKED_AT = 8 << 20
#: Streams of less are those of tables, which are never scrambled; and the stream of nothing.
FIRST_STREAM, NOTHING = 0x20, 0x1FFF
#: From this share of its packets on a stream counts as scrambled: a recording may begin with some
#: seconds in the clear.
MOST = 0.5


def scrambled(path: Path) -> frozenset[int]:
    """Give the numbers (PID) of the streams that are scrambled, in most of what is looked at.

    Raises `OSError`.
    """
    with opened(path) as file:
        data = file.read(LOOKED_AT)
    found = _laid_out(data)
    if found is None:
        return frozenset()
    start, length = found
    there: Counter[int] = Counter()
    locked: Counter[int] = Counter()
    for at in range(start, len(data) - 3, length):
        if data[at] != SYNC or not data[at + 3] & 0x10:
            continue  # lost, or without anything in it
        stream = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        there[stream] += 1
        locked[stream] += bool(data[at + 3] & 0xC0)
    return frozenset(
        stream
        for stream, count in there.items()
        if FIRST_STREAM <= stream < NOTHING and locked[stream] > count * MOST
    )


def _laid_out(data: bytes) -> tuple[int, int] | None:
    """Find where the first packet begins and how far it is to the next; None for other files."""
    for length in (PACKET, TIMED_PACKET):
        for start in range(length):
            ahead = range(start, min(len(data), start + 8 * length), length)
            if len(ahead) > 2 and all(data[at] == SYNC for at in ahead):  # noqa: PLR2004 - enough
                return start, length
    return None
