"""Thumbnail: a frame that represents the source, neither black nor random."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import NO_MEMORY, MediaError, too_much_memory
from pipeline.media.process import run
from pipeline.media.unchanged import check_source
from pipeline.plan.posters import (
    cover_argv,
    key_frames_suffice,
    poster_argv,
    poster_at_argv,
    poster_time,
    sound_argv,
)
from pipeline.settings.extras import PosterSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.media.process import Completed, Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.source import Source

#: Where a representative frame is looked for, in shares of the duration, best places first: past
#: titles and fades, before credits. The start is last: it is often black.
PLACES = (0.2, 0.4, 0.6, 0.1, 0.8, 0.0)
#: A picture darker or flatter than this (mean and spread of brightness, 0 to 255) shows nothing.
DARKEST = 24.0
FLATTEST = 6.0
#: The longest that a poster may take with all its tries, seconds, and the processor time of each: a
#: file can be made so that its first frame takes forever.
LONGEST_S = 1800.0
LONGEST_CPU_S = 900.0
#: What a try gets when no time is left: it is then told as any that took too long. Seconds.
LEAST_S = 0.1
#: A poster is no larger than this, bytes.
LARGEST = 64 << 20


@dataclass(frozen=True)
class _Taking:
    """What every picture is taken with, and until when, on the clock that only goes forward."""

    tools: Tools
    source: Source
    until_s: float
    on_tick: Callable[[Progress], None] | None

    def run(self, argv: list[str], out: Path, *, keep_output: bool = False) -> Completed:
        fence = replace(
            self.tools.fence(reads=[Path(self.source.path)], writes=[out], cpu_s=LONGEST_CPU_S),
            file_bytes=LARGEST,
        )
        left_s = max(self.until_s - time.monotonic(), LEAST_S)
        return run(
            argv,
            fence=fence,
            timeout_s=left_s,
            on_tick=self.on_tick,
            keep_output=keep_output,
        )


def make_poster(
    tools: Tools,
    source: Source,
    out: Path,
    *,
    rule: PosterSettings | None = None,
    span: tuple[float, float] | None = None,
    timeout_s: float | None = None,
    on_tick: Callable[[Progress], None] | None = None,
) -> None:
    """Write a JPEG to `out`, as wide as the rule's widest: the frame the rule asks for.

    By itself (`at: auto`) that is a representative frame, the same for the same source: the first
    place whose most typical frame shows something; if none does, the one that shows most. A sound
    has its cover, or its waveform. `span` is the used part of the source, seconds. Raises
    `MediaError`: `source_gone`, `source_changed`, and `no_poster` when no frame can be decoded.
    """
    check_source(source)
    until_s = time.monotonic() + min(timeout_s or LONGEST_S, LONGEST_S)
    taking = _Taking(tools, source, until_s, on_tick)
    if source.video is None:
        _poster_of_sound(taking, out)
        return
    rule = rule or PosterSettings()
    start_s, end_s = span or (0.0, source.duration_s)
    at_s = poster_time(source, rule.at, (start_s, end_s))
    if at_s is not None:
        _take(taking, at_s, out, widest=rule.sizes[0])
        return
    best: tuple[float, Path] | None = None
    tried = []
    log = ""
    try:
        ways = (True, False) if key_frames_suffice(source) else (False,)
        for number, (keys, share) in enumerate(product(ways, PLACES)):
            candidate = out.with_name(f"{out.stem}.{number}{out.suffix}")
            tried.append(candidate)
            argv = poster_argv(
                tools.ffmpeg,
                source,
                start_s + share * (end_s - start_s),
                candidate,
                widest=rule.sizes[0],
                keys=keys,
            )
            done = taking.run(argv, candidate, keep_output=True)
            log = done.log or log
            if not candidate.is_file() or not candidate.stat().st_size:
                continue
            shows = interest(done.output)
            if best is None or shows > best[0]:
                best = (shows, candidate)
            if shows >= 1.0:
                break
        if best is None:
            check_source(source)
            raise _no_poster(taking, "no frame can be shown", log)
        shutil.move(best[1], out)
    finally:
        for path in tried:
            path.unlink(missing_ok=True)


def _poster_of_sound(taking: _Taking, out: Path) -> None:
    """Take the cover; without one that can be shown, the sound's waveform."""
    tools, source, log = taking.tools, taking.source, ""
    argvs = [sound_argv(tools.ffmpeg, source, out)]
    if source.cover is not None:
        argvs.insert(0, cover_argv(tools.ffmpeg, source, out))
    for argv in argvs:
        done = taking.run(argv, out)
        log = done.log or log
        if out.is_file() and out.stat().st_size:
            return
    check_source(source)
    raise _no_poster(taking, "neither a cover nor its waveform can be shown", log)


def _take(taking: _Taking, at_s: float, out: Path, *, widest: int) -> None:
    tools, source = taking.tools, taking.source
    for seek in (True, False):
        argv = poster_at_argv(tools.ffmpeg, source, at_s, out, widest=widest, seek=seek)
        done = taking.run(argv, out)
        if out.is_file() and out.stat().st_size:
            return
    check_source(source)
    raise _no_poster(taking, f"no frame at {at_s:g} s can be shown", done.log)


def _no_poster(taking: _Taking, why: str, log: str) -> MediaError:
    source = taking.source
    if NO_MEMORY in log:
        return too_much_memory(Path(source.path).name, taking.tools.memory_bytes).telling(log)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    said = f" (ffmpeg said: {lines[-1]})" if lines else ""
    return MediaError(
        "no_poster",
        f"{Path(source.path).name} can't have a poster: {why}{said}.",
        "Look whether it plays elsewhere; if it does, convert it and drop that.",
    ).telling(log)


def interest(luma: bytes) -> float:
    """Rate how much a small grey picture shows: 1 and more is enough, below is dark or flat."""
    if not luma:
        return 0.0
    return min(statistics.fmean(luma) / DARKEST, statistics.pstdev(luma) / FLATTEST)
