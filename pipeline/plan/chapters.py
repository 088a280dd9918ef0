"""Chapters: as WebVTT for players, and as metadata that ffmpeg puts into an MP4."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import Chapter


def used_chapters(plan: Plan) -> tuple[Chapter, ...]:
    """Give the chapters of the used part of the source, on its clock."""
    kept = []
    for chapter in plan.source.chapters:
        start_s = max(chapter.start_s, plan.start_s) - plan.start_s
        end_s = min(chapter.end_s, plan.end_s) - plan.start_s
        if end_s > start_s:
            kept.append(chapter.model_copy(update={"start_s": start_s, "end_s": end_s}))
    return tuple(kept)


def chapters_vtt(chapters: tuple[Chapter, ...]) -> str:
    """Write chapters as a WebVTT track of kind `chapters` (W3C WebVTT, 5.3)."""
    cues = [
        f"{number}\n{timestamp(one.start_s)} --> {timestamp(one.end_s)}\n{_escaped(one.title)}\n"
        for number, one in enumerate(chapters, 1)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def chapters_metadata(chapters: tuple[Chapter, ...]) -> str:
    """Write chapters in ffmpeg's metadata format (ffmpeg-formats, "Metadata")."""
    lines = [";FFMETADATA1"]
    for one in chapters:
        title = re.sub(r"([=;#\\\n])", r"\\\1", one.title)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000000", f"START={round(one.start_s * 1e6)}"]
        lines += [f"END={round(one.end_s * 1e6)}", f"title={title}"]
    return "\n".join(lines) + "\n"


def timestamp(seconds: float) -> str:
    """Write a WebVTT time: `HH:MM:SS.mmm`."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _escaped(text: str) -> str:
    line = " ".join(text.split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
