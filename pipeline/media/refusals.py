"""Refusals: in plain words, why a file is not taken in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.media import content, extent, scrambling
from pipeline.media.errors import (
    NO_MEMORY,
    SUPPORTED,
    MediaError,
    source_gone,
    too_much_memory,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.fence import Fence
    from pipeline.media.process import Completed
    from pipeline.plan.source import Source
    from pipeline.settings.pipeline import Limits

#: What ffprobe says of a container that ends too early.
BROKEN_OFF = ("End of file", "Truncat", "EBML header parsing failed")
#: What it says of a container that is not on our list.
NOT_TAKEN = "not on whitelist"
#: What it says of a picture that it does not open, for its size.
UNSEEN = re.compile(r"Picture size (\d+x\d+) (?:is invalid|exceeds)")
#: What it says of more streams than it was told to open.
MANY_STREAMS = "exceeds max_streams"
#: More frames a second than this, over as long as a source may be, are a trap: each costs time.
MOST_RATE = 120


def unreadable(path: Path, done: Completed, fence: Fence) -> MediaError:
    """Say in plain words what ffprobe's complaint means."""
    log = done.log
    if NO_MEMORY in log and fence.memory_bytes is not None:
        return too_much_memory(path.name, fence.memory_bytes).telling(log)
    if "Permission denied" in log:
        return MediaError(
            "unreadable",
            f"{path.name} may not be read.",
            "Give the user that runs Reelworks the right to read it.",
        )
    try:
        kind, missing = content.kind(path), extent.missing_end(path)
        scrambled = scrambling.scrambled(path)
    except OSError:
        return source_gone(str(path))
    if kind == "still":
        return _still(path)
    if scrambled:
        return _encrypted(path)
    if NOT_TAKEN in log:
        return _refused(path, "it is of a kind that is not taken in")
    if "moov atom not found" in log and kind == "mp4":
        return _without_index(path)
    if kind in ("mp4", "container") and any(word in log for word in BROKEN_OFF):
        return truncated(path, missing or "it breaks off")
    if kind == "mp4" and missing:
        return truncated(path, missing)
    return MediaError(
        "not_media", f"{path.name} is not a video file that Reelworks can read.", SUPPORTED
    )


def refuse_script(path: Path) -> None:
    """Refuse what would have other files read, before any tool looks at it."""
    try:
        what = content.script(path)
    except OSError:
        return  # the tool will tell
    if what is not None:
        raise _refused(path, f"it is a {what}, and would have other files read")


def _refused(path: Path, why: str) -> MediaError:
    return MediaError("refused_format", f"{path.name} is refused: {why}.", SUPPORTED)


def undecodable(path: Path, codec: str) -> MediaError:
    """Say that a picture is there, but that nothing here decodes it."""
    return _refused(path, f"its picture ({codec}) is of a kind that can't be decoded")


def truncated(path: Path, why: str) -> MediaError:
    """Say that a file is incomplete."""
    return MediaError(
        "truncated",
        f"{path.name} is incomplete: {why}.",
        "Copy or export it again; the recording or the copy was probably cut short. `damaged: "
        "salvage` in its profile makes what can be made of the rest.",
    )


def _without_index(path: Path) -> MediaError:
    """Say that nothing tells where its frames lie: not even a part of it can be read."""
    return MediaError(
        "truncated",
        f"{path.name} is incomplete: its index (the moov atom) is missing.",
        "Copy or export it again; the recording or the copy was probably cut short. Nothing of it "
        "can be read without its index, also with `damaged: salvage`.",
    )


def _still(path: Path) -> MediaError:
    return MediaError("still_image", f"{path.name} is a still image, not a video.", SUPPORTED)


def refuse_still(path: Path, container: dict[str, Any]) -> None:
    """Refuse pictures in a container of films: AVIF and HEIF are read like MP4."""
    brand = str(container.get("tags", {}).get("major_brand", "")).strip()
    if brand in content.STILL_BRANDS or str(container.get("format_name")).endswith("_pipe"):
        raise _still(path)


def refuse_encrypted(path: Path, told: dict[str, Any]) -> None:
    """Refuse what is locked: decoding it would give noise, not an error."""
    locked = any(
        "enc_key_id" in stream.get("tags", {})
        or any("Encryption" in str(data) for data in stream.get("side_data_list", ()))
        for stream in told["streams"]
    )
    mp4 = str(told["format"].get("format_name")).startswith("mov")
    if locked or (mp4 and content.encrypted(path)):
        raise _encrypted(path)


def refuse_scrambled(path: Path, told: dict[str, Any], chosen: dict[str, Any] | None) -> None:
    """Refuse a broadcast whose picture or sound, if any could be told, is scrambled.

    Others in it may be clear: those can be used.
    """
    if told["format"].get("format_name") != "mpegts":
        return
    found = scrambling.scrambled(path)
    if found and (chosen is None or int(str(chosen.get("id", "0")), 16) in found):
        raise _encrypted(path)


def _encrypted(path: Path) -> MediaError:
    return MediaError(
        "encrypted",
        f"{path.name} is encrypted, and the key is not in it.",
        "Give it the film without protection, as it was before it was packaged or broadcast.",
    )


def refuse_large(path: Path, width: int, height: int, limits: Limits) -> None:
    """Refuse a picture with more pixels than allowed."""
    if width * height > limits.max_pixels:
        raise _large(path, f"{width}x{height}")


def refuse_unseen(path: Path, told: dict[str, Any], log: str) -> None:
    """Refuse a picture that was so large that ffprobe did not look at it, where it saw no other."""
    found = UNSEEN.search(log)
    if found and not any(stream.get("width") for stream in told.get("streams", ())):
        raise _large(path, found[1])


def _large(path: Path, size: str) -> MediaError:
    return MediaError(
        "too_large",
        f"{path.name} has {size} pixels, more than is allowed.",
        "Scale it down, or raise `limits.max_pixels` in pipeline.yml.",
    )


def refuse_long(path: Path, source: Source, limits: Limits) -> None:
    """Refuse what lasts longer than allowed."""
    if source.duration_s > limits.max_duration.total_seconds():
        raise MediaError(
            "too_long",
            f"{path.name} lasts {source.duration_s / 3600:.1f} hours, more than is allowed.",
            "Cut it, or raise `limits.max_duration` in pipeline.yml.",
        )


def without_anything(path: Path) -> MediaError:
    """Say that nothing in the file can be used."""
    return MediaError(
        "not_media", f"{path.name} holds no picture and no sound that can be decoded.", SUPPORTED
    )


def refuse_streams(path: Path, log: str, limits: Limits) -> None:
    """Refuse a file with so many streams that ffprobe stopped opening them."""
    if MANY_STREAMS in log:
        raise _many_streams(path, f"more than {limits.max_streams}")


def refuse_count(path: Path, streams: int, limits: Limits) -> None:
    """Refuse a file with more streams than allowed: opening each costs memory and time."""
    if streams > limits.max_streams:
        raise _many_streams(path, str(streams))


def _many_streams(path: Path, count: str) -> MediaError:
    return MediaError(
        "too_large",
        f"{path.name} has {count} streams, more than is allowed.",
        "Take out those that nobody needs, or raise `limits.max_streams` in pipeline.yml.",
    )


def refuse_frames(path: Path, frames: int, limits: Limits) -> None:
    """Refuse a file with more frames than one as long as is allowed could need."""
    most = round(limits.max_duration.total_seconds() * MOST_RATE)
    if frames > most:
        raise MediaError(
            "too_large",
            f"{path.name} has {frames} frames, more than is allowed.",
            "Cut it, or raise `limits.max_duration` in pipeline.yml.",
        )


def refuse_references(path: Path, told: dict[str, Any]) -> None:
    """Refuse a film whose pictures or sound are said to be in other files (`dref`)."""
    if str(told["format"].get("format_name")).startswith("mov") and content.refers(path):
        raise _refused(path, "it is only an index, whose pictures or sound are in other files")
