"""Endings: when sound really ends that goes on after its picture, where its container does not say.

AVI tells nothing of samples but how many there are, the length of a broadcast is read off its last
packets, whose own length is unknown, and what was made live tells nothing at all. Then the packets
are listed: only where it matters, since that reads the whole file again.
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
#: Packets that last for so many times as long as their sound, and as many seconds, are told a
#: length that is not theirs.
ABSURD = 10
#: Containers that tell only when they end, not how long they or their streams last: ffprobe makes
#: that the length of each stream, or of each that begins later than it looks.
ENDING = ("asf", "matroska", "nut")


def with_true_ends(
    told: dict[str, Any], shown: Packets, listed: Callable[[dict[str, Any]], Packets]
) -> dict[str, Any]:
    """Correct how long each sound, and with it the file, lasts by what ffprobe told.

    `shown` are the picture's packets; `listed` reads those of another stream.
    """
    container = told["format"]
    name, told_s = str(container.get("format_name")), seconds(container.get("duration"))
    if shown.jumps or (name not in VAGUE and told_s is not None):
        return told
    streams = []
    shown_end_s = shown.end_s or 0.0
    file_begins_s = seconds(container.get("start_time")) or 0.0
    ends_s = shown_end_s if told_s is None else file_begins_s + told_s
    longer = told_s is None or ends_s > shown_end_s + APART_S
    for stream in told["streams"]:
        found = stream
        begins_s = seconds(stream.get("start_time")) or 0.0
        about_s = _about_s(stream)
        outlasts = longer if about_s is None else begins_s + about_s > shown_end_s + APART_S
        if stream.get("codec_type") == "audio" and outlasts:
            heard = listed(stream)
            absurd = about_s is not None and heard.length_s > ABSURD * about_s + ABSURD
            if heard.end_s is not None and not heard.jumps and not absurd:
                found = {**stream, "duration": f"{heard.end_s - begins_s:.6f}"}
                ends_s = max(ends_s, heard.end_s)
        streams.append(found)
    length_s = ends_s if name.startswith(ENDING) else ends_s - file_begins_s
    return {
        **told,
        "streams": streams,
        "format": {**container, "duration": f"{length_s:.6f}"},
    }


def _about_s(stream: dict[str, Any]) -> float | None:
    """Say about how long a sound lasts, seconds; None where nothing tells."""
    counted, tick_s = str(stream.get("nb_frames")), ratio(stream.get("time_base"))
    told_s = seconds(stream.get("duration"))
    if told_s is None and counted.isdigit() and tick_s is not None:
        return float(int(counted) * tick_s)
    return told_s
