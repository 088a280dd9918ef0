"""The packets of a stream, read without decoding: how many frames, and when each is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.media.process import run
from pipeline.plan.argv import packets_argv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools


@dataclass(frozen=True)
class Packets:
    """What the packets of one stream say. `first_s`, `last_s` and `end_s` are None without any.

    `end_s` is when the last one's duration is over, seconds on the file's own clock.
    """

    count: int
    first_s: float | None
    last_s: float | None
    end_s: float | None


def read_packets(
    tools: Tools,
    path: Path | str,
    stream: str,
    *,
    fenced: bool = True,
    timeout_s: float | None = None,
    on_tick: Callable[[Progress], None] | None = None,
) -> Packets:
    """Read every packet of one stream (`v:0`, or its number) that is to be shown.

    `fenced` allows only the containers that sources may have. What ffprobe can't read counts as
    no packets; the caller knows whether that is an error.
    """
    done = run(
        packets_argv(tools.ffprobe, path, stream, fenced=fenced),
        timeout_s=timeout_s,
        on_tick=on_tick,
        keep_output=True,
    )
    return count_packets(done.output.decode("ascii", "replace"))


def count_packets(listing: str) -> Packets:
    """Sum up ffprobe's lines `pts_time,duration_time,flags`; packets marked `D` are not shown."""
    count, times, ends = 0, [], []
    for line in listing.splitlines():
        pts, _, rest = line.partition(",")
        duration, _, flags = rest.partition(",")
        if not flags or "D" in flags:
            continue
        count += 1
        at = _number(pts)
        if at is not None:
            times.append(at)
            ends.append(at + (_number(duration) or 0.0))
    return Packets(
        count,
        min(times, default=None),
        max(times, default=None),
        max(ends, default=None),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None  # N/A: the packet has no timestamp of its own
