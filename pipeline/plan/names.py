"""Names of steps and outputs: one place, so that what is written is what is looked for."""

from __future__ import annotations

import re
import unicodedata

AUDIO_STEP = "rendition:audio"
#: The part of a job's id that makes an output folder's name its own.
SHORT_ID = 8
#: The longest stem an output folder keeps, bytes: with the id it fits any file system's 255.
LONGEST_STEM = 180
MASTER = "stream/master.m3u8"
MPD = "stream/manifest.mpd"


def rendition_step(rung: str) -> str:
    """Name the step that makes a rung."""
    return f"rendition:{rung}"


def progressive(rung: str) -> str:
    """Name the progressive MP4 of a rung, relative to the output folder."""
    return f"mp4/{rung}.mp4"


def playlist(rung: str) -> str:
    """Name the HLS media playlist of a rung, relative to the output folder."""
    return f"stream/{rung}.m3u8"


def segment_folder(rung: str) -> str:
    """Name the folder of a rung's segments, below that of the manifests."""
    return f"v-{rung}"


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
