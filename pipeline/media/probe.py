"""Probe: what a source is, and in plain words why it is not one."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.media.errors import SUPPORTED, MediaError, source_gone
from pipeline.media.packets import Packets, read_packets
from pipeline.media.process import run
from pipeline.plan.argv import probe_argv
from pipeline.plan.source import AudioStream, Source, VideoStream

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.tools import Tools
    from pipeline.settings.pipeline import Limits

#: How long reading a header may take, seconds: a share may be slow, a header is short.
PROBE_TIMEOUT_S = 120.0
#: How long listing all packets may take, seconds: it reads the whole file.
PACKETS_TIMEOUT_S = 3600.0
#: What an MP4 or MOV may begin with (ISO/IEC 14496-12, QuickTime file format).
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
#: Pictures that ffmpeg opens as video of one frame.
STILLS = frozenset({"png", "mjpeg", "jpegls", "bmp", "tiff", "ljpeg"})


def probe(tools: Tools, path: Path, limits: Limits) -> Source:
    """Read what the file is.

    Raises `MediaError`: `source_gone`, `empty`, `not_media`, `refused_format`, `truncated`,
    `no_video`, `still_image`, `too_large`, `too_long`; `TransientMediaError`: `timeout`.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise source_gone(str(path)) from error
    if size == 0:
        raise MediaError(
            "empty", f"{path.name} is empty: it has 0 bytes.", "Copy it again from its origin."
        )
    told = _ask(tools, path, limits)
    chosen = _video_stream(told)
    if chosen is None:
        raise _without_picture(path, told)
    _check_size(path, chosen, limits)
    packets = read_packets(tools, path, str(chosen["index"]), timeout_s=PACKETS_TIMEOUT_S)
    if packets.count == 0 or packets.first_s is None or packets.last_s is None:
        raise _truncated(path, "it announces a picture, but holds no frame of it")
    source = _source(path, size, told, chosen, packets)
    if source.duration_s > limits.max_duration.total_seconds():
        raise MediaError(
            "too_long",
            f"{path.name} lasts {source.duration_s / 3600:.1f} hours, more than is allowed.",
            "Cut it, or raise `limits.max_duration` in pipeline.yml.",
        )
    return source


def _ask(tools: Tools, path: Path, limits: Limits) -> dict[str, Any]:
    argv = probe_argv(tools.ffprobe, path, max_pixels=limits.max_pixels)
    done = run(argv, timeout_s=PROBE_TIMEOUT_S, keep_output=True)
    told: dict[str, Any] = json.loads(done.output or b"{}")
    if done.returncode or not told.get("streams"):
        raise _unreadable(path, done.log)
    return told


def _unreadable(path: Path, log: str) -> MediaError:
    """Say in plain words what ffprobe's complaint means."""
    if "not on whitelist" in log:
        return MediaError(
            "refused_format",
            f"{path.name} is a playlist or script, or of a kind that is not taken in.",
            SUPPORTED,
        )
    if "moov atom not found" in log and _begins_like_mp4(path):
        return _truncated(path, "its index (the moov atom) is missing")
    if "Permission denied" in log:
        return MediaError(
            "unreadable",
            f"{path.name} may not be read.",
            "Give the user that runs Reelworks the right to read it.",
        )
    if any(word in log for word in ("End of file", "Truncat", "EBML header parsing failed")):
        return _truncated(path, "it breaks off")
    return MediaError(
        "not_media", f"{path.name} is not a video file that Reelworks can read.", SUPPORTED
    )


def _begins_like_mp4(path: Path) -> bool:
    """Whether the first box of the file is one that MP4 and MOV begin with."""
    with path.open("rb") as file:
        return file.read(8)[4:] in FIRST_BOXES


def _truncated(path: Path, why: str) -> MediaError:
    return MediaError(
        "truncated",
        f"{path.name} is incomplete: {why}.",
        "Copy or export it again; the recording or the copy was probably cut short.",
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


def _check_size(path: Path, stream: dict[str, Any], limits: Limits) -> None:
    width, height = int(stream["width"]), int(stream["height"])
    if width * height > limits.max_pixels:
        raise MediaError(
            "too_large",
            f"{path.name} has {width}x{height} pixels, more than is allowed.",
            "Scale it down, or raise `limits.max_pixels` in pipeline.yml.",
        )


def _source(
    path: Path, size: int, told: dict[str, Any], chosen: dict[str, Any], packets: Packets
) -> Source:
    container = told["format"]
    name = str(container.get("format_name", "unknown"))
    if name.endswith("_pipe") or (
        name in ("image2", "mjpeg") and chosen.get("codec_name") in STILLS
    ):
        raise MediaError("still_image", f"{path.name} is a still image, not a video.", SUPPORTED)
    span = (packets.end_s or 0.0) - (packets.first_s or 0.0)
    return Source(
        path=str(path),
        bytes=size,
        container=name,
        duration_s=_seconds(container.get("duration")) or max(span, 0.0),
        start_s=_seconds(container.get("start_time")) or 0.0,
        video=_video(chosen, packets),
        audio=tuple(
            _audio(stream)
            for stream in told["streams"]
            if stream.get("codec_type") == "audio" and int(stream.get("channels") or 0) > 0
        ),
    )


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
    return None if language == "und" or not language.isalpha() else language


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
