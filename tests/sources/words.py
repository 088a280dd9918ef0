"""Judge the subtitles of an output: which languages HLS and DASH offer, and what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import m3u8

from pipeline.plan.names import MASTER, MPD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sources.row import Expect
    from tests.sources.runner import Outcome

#: When a cue begins.
TIME = re.compile(r"(?:(\d+):)?(\d\d):(\d\d\.\d{3}) -->")
#: How far a text may be from when it is said, seconds.
APART_S = 0.1


def judge_words(expect: Expect, outcome: Outcome) -> Iterator[str]:
    """Give every way in which the subtitles are not those expected."""
    if not expect.words and not expect.no_subtitles:
        return
    master = outcome.folder / MASTER
    offered = [one for one in m3u8.loads(master.read_text()).media if one.type == "SUBTITLES"]
    if expect.no_subtitles:
        if offered:
            yield f"HLS: it offers subtitles in {[one.language for one in offered]}"
        return
    manifest = (outcome.folder / MPD).read_text()
    for language, phrase in expect.words.items():
        texts = [
            _text(master.parent / one.uri)
            for one in offered
            if language in ("", one.language, (one.language or "und"))
        ]
        said = [at for text in texts for at in _said(text, phrase)]
        if not said:
            yield f"HLS: no subtitles in {language or 'any language'} say {phrase!r}"
        elif expect.said_s is not None and abs(said[0] - expect.said_s) > APART_S:
            yield f"HLS: {phrase!r} is said at {said[0]:.2f} s, not {expect.said_s:.2f} s"
    if "text/vtt" not in manifest and "wvtt" not in manifest:
        yield "DASH: it offers no WebVTT"


def _said(text: str, phrase: str) -> Iterator[float]:
    """Give when a phrase is said, seconds: each cue is a paragraph that tells its times."""
    for cue in text.replace("\r", "").split("\n\n"):
        found = TIME.search(cue)
        if found and phrase in cue:
            hours, minutes, seconds = found.groups()
            yield int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _text(playlist: Path) -> str:
    listed = m3u8.loads(playlist.read_text())
    return "\n".join(
        (playlist.parent / part.uri).read_text("utf-8", "replace") for part in listed.segments
    )
