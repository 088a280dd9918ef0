"""Announced: whether all is there of what a file's header tells of, by the times of its packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.media import extent
from pipeline.media.tracks import own_duration, ratio, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.media.packets import Packets

    Listed = Callable[[dict[str, Any]], Packets]

#: A file that ends earlier than it announces by more than this was cut short: seconds, share of
#: its length, and frames.
MISSING_S = 0.5
MISSING_SHARE = 0.02
#: However long a file is, no more than this may be missing at its end, seconds.
MOST_MISSING_S = 3.0
MISSING_FRAMES = 2
#: The same for containers that count their samples or frames of sound one by one, seconds.
COUNTED_MISSING_S = 0.1
#: Containers that know exactly how long each stream is.
EXACT = ("mov", "avi", "mxf")
#: Containers that announce how long they are in all.
COUNTED = ("flac", "mp3", "wv", "au", "tta")
ANNOUNCED = ("matroska", "flv", *COUNTED)
#: What a text that nobody ended is said to last in MKV, seconds: 32 bits of milliseconds.
ENDLESS_S = 0xFFFFFFFF / 1000


def cut_short(
    path: Path, told: dict[str, Any], chosen: dict[str, Any], packets: Packets, listed: Listed
) -> tuple[str, float | None]:
    """Say what is missing of a file whose header announces more than there is; "" for nothing.

    Also gives when picture and sound really end, where that is not what was announced. `packets`
    are those of the stream `chosen`; `listed` reads those of another.

    Frames can't be compared: an edit list may leave out some of those the header counts.
    """
    cut = extent.missing_end(path)
    if cut:
        return cut, packets.end_s
    name = str(told["format"].get("format_name"))
    end_s = packets.end_s or 0.0
    if name.startswith(EXACT):
        announced_s = (seconds(chosen.get("start_time")) or 0.0) + (
            max(seconds(chosen.get("duration")) or 0.0, _counted_s(name, chosen))
        )
    elif name.startswith(ANNOUNCED):
        announced_s = seconds(told["format"].get("duration")) or 0.0
        if ENDLESS_S <= announced_s < 2 * ENDLESS_S:
            return "", max(end_s, _end_of(told, "audio", listed))
    else:
        return "", None  # others guess their length from the size
    # Of the frame that an edit list begins within, ffmpeg passes over what it shows.
    missing_s = _missing_s(name, announced_s, packets) + packets.hidden_s
    own_s = own_duration(chosen) or 0.0
    if end_s + missing_s < own_s <= announced_s + MISSING_S:
        kind = "picture" if chosen.get("codec_type") == "video" else "sound"
        return f"its {kind} breaks off after {end_s:.1f} of its {own_s:.1f} seconds", None
    beside_s = 0.0
    if announced_s - end_s > missing_s and not name.startswith(EXACT):
        # What it announces is the longest stream's end: that may be the sound's, a text's or that
        # of a picture that is not used.
        end_s = max(end_s, _end_of(told, "audio", listed))
        if announced_s - end_s > missing_s:
            beside_s = max(_end_of(told, kind, listed) for kind in ("subtitle", "video"))
    if announced_s - max(end_s, beside_s) > missing_s:
        return f"it breaks off after {end_s:.1f} of its {announced_s:.1f} seconds", end_s
    return "", end_s if beside_s else None


def _missing_s(name: str, announced_s: float, packets: Packets) -> float:
    """Say how much may be missing before a file was cut short, seconds."""
    first_s, last_s = packets.first_s or 0.0, packets.last_s or 0.0
    frames_s = (last_s - first_s) / max(packets.count - 1, 1) * MISSING_FRAMES
    if name in COUNTED:
        return max(COUNTED_MISSING_S, frames_s)
    return max(MISSING_S, min(announced_s * MISSING_SHARE, MOST_MISSING_S), frames_s)


def _counted_s(name: str, chosen: dict[str, Any]) -> float:
    """Give how long an AVI's announced frames last: its duration tells of those that are there."""
    rate = ratio(chosen.get("avg_frame_rate"))
    frames = str(chosen.get("nb_frames"))
    return float(int(frames) / rate) if name == "avi" and rate and frames.isdigit() else 0.0


def _end_of(told: dict[str, Any], kind: str, listed: Listed) -> float:
    tracks = [one for one in told["streams"] if one.get("codec_type") == kind]
    ends = [listed(one).end_s for one in tracks]
    return max((end for end in ends if end is not None), default=0.0)
