"""Names of steps and outputs: one place, so that what is written is what is looked for."""

from __future__ import annotations

import re
import unicodedata

#: The part of a job's id that makes an output folder's name its own.
SHORT_ID = 8
#: The longest stem an output folder keeps, bytes: with the id it fits any file system's 255.
LONGEST_STEM = 180
MASTER = "stream/master.m3u8"
MPD = "stream/manifest.mpd"
CHAPTERS = "chapters.vtt"


def rendition_step(name: str) -> str:
    """Name the step that makes a rendition: a rung, a sound or a text."""
    return f"rendition:{name}"


def range_step(number: int) -> str:
    """Name the step, and the unit, that encodes a range of the source: the first is 1."""
    return f"range:{number:03}"


def result_suffix(step: str) -> str:
    """Give the suffix of the file that a step of this name leaves."""
    kind = step.removeprefix("rendition:").partition("-")[0]
    return {"thumbnail": ".jpg", "audio": ".m4a", "subtitles": ".vtt"}.get(kind, ".mp4")


def progressive(rung: str) -> str:
    """Name the progressive MP4 of a rung, relative to the output folder."""
    return f"mp4/{rung}.mp4"


def sound_file(name: str) -> str:
    """Name the file of a sound that has no picture, relative to the output folder."""
    return f"mp4/{name}.m4a"


def subtitle_file(name: str) -> str:
    """Name the WebVTT file of a text, relative to the output folder."""
    return f"subtitles/{name}.vtt"


def playlist(name: str) -> str:
    """Name the HLS media playlist of a rendition, relative to the output folder."""
    return f"stream/{name}.m3u8"


def output_folder(stem: str, job_id: str) -> str:
    """Name a job's output folder: the source's stem, made safe, and the short id.

    Control characters and slashes become `_`, a leading dot too (the folder is not to be
    hidden), and what is too long is cut between characters.
    """
    text = unicodedata.normalize("NFC", stem.encode("utf-8", "replace").decode())
    text = re.sub(r"[\x00-\x1f\x7f/\\]", "_", text)
    text = re.sub(r"^\.", "_", text.strip()) or "source"
    cut = text.encode()[:LONGEST_STEM].decode("utf-8", "ignore").rstrip()
    return f"{cut}-{job_id[:SHORT_ID]}"
