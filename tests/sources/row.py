"""A row of the table: how a source is made, and what must come out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.settings.profiles import Profile, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Small and fast: what is looked at does not depend on the size.
LADDER = (240, 144)


def small(*ladder: int) -> Profile:
    """Give the profile rows are made with, of the ladder named or the usual one."""
    return Profile(video=VideoSettings(ladder=ladder or LADDER, preset="ultrafast", crf=16))


@dataclass(frozen=True)
class Patches:
    """What is known of the test picture: how far its colours may be off, in levels of 255.

    `tone_mapped` asks only that colours keep their order and the picture its contrast. `clear` says
    that a band above the lower corners is transparent: it must come out black.
    """

    tolerance: float = 22.0
    tone_mapped: bool = False
    clear: bool = False


@dataclass(frozen=True)
class Expect:
    """What must come out. None, or empty, means that the row is not about it.

    `sizes` are the rungs', largest first. `seconds` is how long the picture lasts, to a frame.
    `times` are when each frame is shown, seconds. `sync` measures flashes against beeps.
    `moments` are when flashes come, seconds, `beeps` when beeps come where there is no picture.
    `sounds` are languages, the default one first (None where the source tells none). `words` are
    told by the subtitles, by language, `said_s` is when, seconds. `fields` are `tt`, `bb` or
    `progressive`. `likeness` is the least PSNR to the source, decibels. `told` is a word of what
    the job is told. `hdr` is the curve of light of the HDR ladder, `light` the brightest pixel that
    each of its rungs must tell screens of, cd/m². `poster` asks for one though
    there is only sound. `error` is the code of a refusal.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    frames: int | None = None
    frames_short: int = 0
    seconds: float | None = None
    times: tuple[float, ...] = ()
    patches: Patches | None = None
    sync: bool = False
    moments: tuple[float, ...] = ()
    beeps: tuple[float, ...] = ()
    layout: str | None = None
    sounds: tuple[str | None, ...] | None = None
    words: dict[str, str] = field(default_factory=dict)
    said_s: float | None = None
    no_subtitles: bool = False
    chapters: int | None = None
    fields: str | None = None
    likeness: float | None = None
    silent: bool = False
    hdr: str | None = None
    light: int | None = None
    codecs: frozenset[str] = frozenset({"h264"})
    poster: bool = False
    told: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Row:
    """One source: `make` writes it into a folder and gives its path."""

    name: str
    make: Callable[[Path], Path]
    expect: Expect
    profile: Profile = field(default_factory=small)
