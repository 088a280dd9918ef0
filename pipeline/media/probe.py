"""Probe: what a source is, and in plain words why it is not one."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.media import content
from pipeline.media.errors import SUPPORTED, MediaError, source_gone
from pipeline.media.packets import read_packets
from pipeline.media.process import run
from pipeline.plan.reading import probe_argv
from pipeline.plan.source import LEAPING, AudioStream, Source, VideoStream

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.packets import Packets
    from pipeline.media.tools import Tools
    from pipeline.settings.pipeline import Limits

#: How long reading a header may take, seconds: a share may be slow, a header is short.
PROBE_TIMEOUT_S = 120.0
#: How long listing all packets may take, seconds: it reads the whole file.
PACKETS_TIMEOUT_S = 3600.0
#: The most memory a probe may take, bytes: a hostile header can ask for any amount.
PROBE_MEMORY = 4 << 30
#: A file that ends earlier than it announces by more than this was cut short: seconds, share of
#: its length, and frames.
MISSING_S = 0.5
MISSING_SHARE = 0.02
MISSING_FRAMES = 2
#: Three letters of ISO 639-2: what MP4 and the packager can carry. Anything else is not told.
_LANGUAGE = re.compile("[a-z]{3}")
#: Containers that know exactly how long each stream is.
EXACT = ("mov", "avi")


def probe(tools: Tools, path: Path, limits: Limits) -> Source:
    """Read what the file is.

    Raises `MediaError`: `source_gone`, `empty`, `not_media`, `refused_format`, `still_image`,
    `truncated`, `no_video`, `unreadable`, `too_large`, `too_long`; `TransientMediaError`:
    `timeout`, `stalled`.
    """
    size = _size(path)
    told = _ask(tools, path, limits)
    chosen = _video_stream(told)
    if chosen is None:
        raise _without_picture(path, told)
    _refuse_still(path, told["format"])
    _refuse_large(path, int(chosen["width"]), int(chosen["height"]), limits)
    packets = read_packets(tools, path, str(chosen["index"]), timeout_s=PACKETS_TIMEOUT_S)
    if packets.count == 0:
        raise _truncated(path, "it announces a picture, but holds no frame of it")
    _refuse_cut_short(tools, path, told, chosen, packets)
    source = _source(path, size, told, chosen, packets)
    _refuse_large(path, source.display_width, source.display_height, limits)
    _refuse_long(path, source, limits)
    return source


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
        regular = path.is_file()
    except OSError as error:
        raise source_gone(str(path)) from error
    if not regular:
        raise MediaError("not_media", f"{path.name} is not a file.", SUPPORTED)
    if size == 0:
        raise MediaError(
            "empty", f"{path.name} is empty: it has 0 bytes.", "Copy it again from its origin."
        )
    return size


def _ask(tools: Tools, path: Path, limits: Limits) -> dict[str, Any]:
    argv = probe_argv(tools.ffprobe, path, max_pixels=limits.max_pixels)
    done = run(argv, timeout_s=PROBE_TIMEOUT_S, keep_output=True, memory_bytes=PROBE_MEMORY)
    told: dict[str, Any] = json.loads(done.output or b"{}")
    if done.returncode or not told.get("streams"):
        raise _unreadable(path, done.log)
    return told


def _unreadable(path: Path, log: str) -> MediaError:
    """Say in plain words what ffprobe's complaint means."""
    if "Permission denied" in log:
        return MediaError(
            "unreadable",
            f"{path.name} may not be read.",
            "Give the user that runs Reelworks the right to read it.",
        )
    try:
        kind = content.kind(path)
    except OSError:
        return source_gone(str(path))
    if kind == "still":
        return _still(path)
    if kind == "script" or "not on whitelist" in log:
        return MediaError(
            "refused_format",
            f"{path.name} is a playlist or script, or of a kind that is not taken in.",
            SUPPORTED,
        )
    if "moov atom not found" in log and kind == "mp4":
        return _truncated(path, "its index (the moov atom) is missing")
    if any(word in log for word in ("End of file", "Truncat", "EBML header parsing failed")):
        return _truncated(path, "it breaks off")
    return MediaError(
        "not_media", f"{path.name} is not a video file that Reelworks can read.", SUPPORTED
    )


def _truncated(path: Path, why: str) -> MediaError:
    return MediaError(
        "truncated",
        f"{path.name} is incomplete: {why}.",
        "Copy or export it again; the recording or the copy was probably cut short.",
    )


def _still(path: Path) -> MediaError:
    return MediaError("still_image", f"{path.name} is a still image, not a video.", SUPPORTED)


def _refuse_still(path: Path, container: dict[str, Any]) -> None:
    """Refuse pictures in a container of films: AVIF and HEIF are read like MP4."""
    brand = str(container.get("tags", {}).get("major_brand", "")).strip()
    if brand in content.STILL_BRANDS or str(container.get("format_name")).endswith("_pipe"):
        raise _still(path)


def _refuse_cut_short(
    tools: Tools, path: Path, told: dict[str, Any], chosen: dict[str, Any], packets: Packets
) -> None:
    """Refuse a file whose header announces more than there is: a copy that broke off.

    Frames can't be compared: an edit list may leave out some of those the header counts.
    """
    name = str(told["format"].get("format_name"))
    first_s, last_s, end_s = packets.first_s or 0.0, packets.last_s or 0.0, packets.end_s or 0.0
    if name.startswith(EXACT):
        announced_s = (_seconds(chosen.get("start_time")) or 0.0) + (
            _seconds(chosen.get("duration")) or 0.0
        )
    elif name.startswith("matroska"):
        announced_s = _seconds(told["format"].get("duration")) or 0.0
    else:
        return  # others guess their length from the size
    frame_s = (last_s - first_s) / max(packets.count - 1, 1)
    missing_s = max(MISSING_S, announced_s * MISSING_SHARE, frame_s * MISSING_FRAMES)
    if announced_s - end_s > missing_s and not name.startswith(EXACT):
        # What it announces is the longest stream's end, and that may be the sound's.
        end_s = max(end_s, _sound_end(tools, path, told))
    if announced_s - end_s > missing_s:
        raise _truncated(path, f"it breaks off after {end_s:.1f} of its {announced_s:.1f} seconds")


def _sound_end(tools: Tools, path: Path, told: dict[str, Any]) -> float:
    tracks = [str(one["index"]) for one in told["streams"] if one.get("codec_type") == "audio"]
    ends = [read_packets(tools, path, one, timeout_s=PACKETS_TIMEOUT_S).end_s for one in tracks]
    return max((end for end in ends if end is not None), default=0.0)


def _refuse_large(path: Path, width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise MediaError(
            "too_large",
            f"{path.name} has {width}x{height} pixels, more than is allowed.",
            "Scale it down, or raise `limits.max_pixels` in pipeline.yml.",
        )


def _refuse_long(path: Path, source: Source, limits: Limits) -> None:
    if source.duration_s > limits.max_duration.total_seconds():
        raise MediaError(
            "too_long",
            f"{path.name} lasts {source.duration_s / 3600:.1f} hours, more than is allowed.",
            "Cut it, or raise `limits.max_duration` in pipeline.yml.",
        )


def _video_stream(told: dict[str, Any]) -> dict[str, Any] | None:
    """Choose the picture: the default one, else the first; cover art is none."""
    pictures = [
        stream
        for stream in told["streams"]
        if stream.get("codec_type") == "video"
        and not stream.get("disposition", {}).get("attached_pic")
        and stream.get("width")
        and stream.get("height")
    ]
    marked = [stream for stream in pictures if stream.get("disposition", {}).get("default")]
    return next(iter([*marked, *pictures]), None)


def _without_picture(path: Path, told: dict[str, Any]) -> MediaError:
    if any(stream.get("codec_type") == "audio" for stream in told["streams"]):
        return MediaError(
            "no_video",
            f"{path.name} holds only sound, no picture.",
            "Give it a file with a video track; sound alone is not taken in yet.",
        )
    return MediaError("not_media", f"{path.name} holds no picture that can be decoded.", SUPPORTED)


def _source(
    path: Path, size: int, told: dict[str, Any], chosen: dict[str, Any], packets: Packets
) -> Source:
    container = told["format"]
    name = str(container.get("format_name", "unknown"))
    start_s = _seconds(container.get("start_time")) or 0.0
    return Source(
        path=str(path),
        bytes=size,
        container=name,
        duration_s=_duration(name, container, packets, start_s),
        start_s=start_s,
        video=_video(chosen, packets),
        audio=tuple(
            _audio(stream)
            for stream in told["streams"]
            if stream.get("codec_type") == "audio" and int(stream.get("channels") or 0) > 0
        ),
    )


def _duration(name: str, container: dict[str, Any], packets: Packets, start_s: float) -> float:
    """Take the longer of what the container says, if it says anything, and what is in it."""
    told_s = _seconds(container.get("duration")) or 0.0
    if name.startswith("matroska"):
        told_s -= start_s  # it tells when it ends, not how long it lasts
    if packets.jumps and name in LEAPING:
        return max(told_s, packets.length_s)  # it knew the first part only
    return max(told_s, (packets.end_s or 0.0) - min(packets.first_s or 0.0, start_s))


def _video(stream: dict[str, Any], packets: Packets) -> VideoStream:
    return VideoStream(
        index=stream["index"],
        codec=str(stream.get("codec_name", "unknown")),
        width=stream["width"],
        height=stream["height"],
        sar=_ratio(stream.get("sample_aspect_ratio")) or Fraction(1),
        rotation=_rotation(stream),
        pix_fmt=stream.get("pix_fmt"),
        average_rate=_ratio(stream.get("avg_frame_rate")),
        nominal_rate=_ratio(stream.get("r_frame_rate")),
        field_order=stream.get("field_order"),
        color_transfer=stream.get("color_transfer"),
        color_primaries=stream.get("color_primaries"),
        color_space=stream.get("color_space"),
        color_range=stream.get("color_range"),
        frames=packets.count,
        first_pts_s=packets.first_s or 0.0,
        last_pts_s=packets.last_s or 0.0,
        jumps=packets.jumps,
    )


def _audio(stream: dict[str, Any]) -> AudioStream:
    return AudioStream(
        index=stream["index"],
        codec=str(stream.get("codec_name", "unknown")),
        channels=int(stream["channels"]),
        sample_rate=int(stream.get("sample_rate") or 48_000),
        channel_layout=stream.get("channel_layout"),
        language=_language(stream),
        default=bool(stream.get("disposition", {}).get("default")),
        start_s=_seconds(stream.get("start_time")),
        duration_s=_seconds(stream.get("duration")),
    )


def _language(stream: dict[str, Any]) -> str | None:
    language = str(stream.get("tags", {}).get("language", "und")).lower()
    return language if _LANGUAGE.fullmatch(language) and language != "und" else None


def _rotation(stream: dict[str, Any]) -> int:
    """Read clockwise degrees: ffprobe gives the display matrix's counter-clockwise angle."""
    for data in stream.get("side_data_list", ()):
        if "rotation" in data:
            return round(-float(data["rotation"]) / 90) * 90 % 360
    return 0


def _ratio(text: str | None) -> Fraction | None:
    over, _, under = (text or "").replace(":", "/").partition("/")
    if not over.isdigit() or not under.isdigit() or not int(over) or not int(under):
        return None
    return Fraction(int(over), int(under))


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
