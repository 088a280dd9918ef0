"""WebVTT: what ffmpeg writes of subtitles, made safe for players."""

from __future__ import annotations

import re

#: Marks that ffmpeg writes for styles; all others are words of the text (W3C WebVTT, 4.2.2).
_MARK = re.compile(r"(</?[biu]>)")
#: What separates a cue's times, in lines that are no text.
_ARROW = re.compile(r"[\d:.]+ --> [\d:.]+")


def escaped(text: str) -> str:
    """Escape `&`, `<` and `>` of the words: a player would take `<3` for a mark, and end there."""
    lines = text.split("\n")
    return "\n".join(line if _ARROW.match(line) else _words(line) for line in lines)


def _words(line: str) -> str:
    parts = _MARK.split(line)
    return "".join(part if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(part: str) -> str:
    return part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
