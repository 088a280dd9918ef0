"""WebVTT: what ffmpeg writes of subtitles, made safe for players."""

from __future__ import annotations

import re

from pipeline.plan.chapters import timestamp

#: Marks that ffmpeg writes for styles; all others are words of the text (W3C WebVTT, 4.2.2).
_MARK = re.compile(r"(</?[biu]>)")
#: A cue's times, in lines that are no text.
_ARROW = re.compile(r"([\d:.]+) --> ([\d:.]+)")
#: A drawing of ASS (`{\\p1}m 0 0 l 9 9`): ffmpeg writes its commands as if they were words.
_DRAWING = re.compile(r"\s*m(?:\s+(?:[mnlbspc]|-?\d+(?:\.\d+)?))+\s*")
_BETWEEN = "\n\n"


def spoken(text: str) -> str:
    """Leave out cues that are drawings, and not words."""
    return _BETWEEN.join(cue for cue in text.split(_BETWEEN) if not _drawn(cue))


def _drawn(cue: str) -> bool:
    times, _, words = cue.strip("\n").partition("\n")
    return bool(_ARROW.match(times)) and bool(_DRAWING.fullmatch(_MARK.sub("", words)))


def within(text: str, start_s: float, end_s: float) -> str:
    """Keep what is said between two moments, on a clock that begins with the first; seconds.

    The first may be before the text's own clock begins: then all is said later.
    """
    cues = (_cut(cue, start_s, end_s) for cue in text.split(_BETWEEN))
    return _BETWEEN.join(cue for cue in cues if cue is not None)


def _cut(cue: str, start_s: float, end_s: float) -> str | None:
    found = _ARROW.search(cue)
    if found is None:
        return cue
    begins_s, ends_s = max(_seconds(found[1]), start_s), min(_seconds(found[2]), end_s)
    if begins_s >= ends_s:
        return None
    if start_s == 0 and ends_s < end_s:
        return cue
    times = f"{timestamp(begins_s - start_s)} --> {timestamp(ends_s - start_s)}"
    return cue[: found.start()] + times + cue[found.end() :]


def _seconds(told: str) -> float:
    """Read a time: hours, which may be missing, minutes and seconds."""
    seconds = 0.0
    for part in told.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def escaped(text: str) -> str:
    """Escape `&`, `<` and `>` of the words: a player would take `<3` for a mark, and end there."""
    lines = text.split("\n")
    return "\n".join(line if _ARROW.match(line) else _words(line) for line in lines)


def _words(line: str) -> str:
    parts = _MARK.split(line)
    return "".join(part if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(part: str) -> str:
    return part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
