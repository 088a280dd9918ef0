"""Endings: when sound really ends that goes on after its picture, where its container does not say.

AVI tells nothing of samples but how many there are, and the length of a broadcast is read off its
last packets, whose own length is unknown. Then the packets are listed: only where it matters, since
that reads the whole file again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.media.tracks import ratio, seconds
from pipeline.plan.holding import APART_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.media.packets import Packets

#: Containers that don't say when their sound ends.
VAGUE = frozenset({"avi", "mpegts", "mpeg"})


def with_true_ends(
    told: dict[str, Any], shown: Packets, listed: Callable[[dict[str, Any]], Packets]
) -> dict[str, Any]:
    """Correct how long each sound, and with it the file, lasts by what ffprobe told.

    `shown` are the picture's packets; `listed` reads those of another stream.
    """
    container = told["format"]
    if container.get("format_name") not in VAGUE or shown.jumps:
        return told
    streams = []
    file_begins_s = seconds(container.get("start_time")) or 0.0
    ends_s = file_begins_s + (seconds(container.get("duration")) or 0.0)
    for stream in told["streams"]:
        found = stream
        begins_s = seconds(stream.get("start_time")) or 0.0
        if begins_s + _about_s(stream) > (shown.end_s or 0.0) + APART_S:
            heard = listed(stream)
            if heard.end_s is not None and not heard.jumps:
                found = {**stream, "duration": f"{heard.end_s - begins_s:.6f}"}
                ends_s = max(ends_s, heard.end_s)
        streams.append(found)
    length = f"{ends_s - file_begins_s:.6f}"
    return {**told, "streams": streams, "format": {**container, "duration": length}}


def _about_s(stream: dict[str, Any]) -> float:
    """Say about how long a sound lasts, seconds; 0 where nothing tells, or it is no sound."""
    if stream.get("codec_type") != "audio":
        return 0.0
    counted, tick_s = str(stream.get("nb_frames")), ratio(stream.get("time_base"))
    told_s = seconds(stream.get("duration"))
    if told_s is None and counted.isdigit() and tick_s is not None:
        return float(int(counted) * tick_s)
    return told_s or 0.0
