"""Extras: posters in several sizes, storyboard, preview, waveform, cheaply from what is there.

Storyboard and preview are made from the smallest rendition that suffices, of long films from its
key frames alone; the waveform from the encoded sound. Each is read back before it counts.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.media.boxes import read_tracks
from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.media.extra_checks import (
    check_picture,
    check_preview,
    check_storyboard,
    check_waveform,
    read_size,
)
from pipeline.media.process import run
from pipeline.plan.names import rendition_step
from pipeline.plan.posters import POSTER, PosterFile, poster_copies_argv, poster_files
from pipeline.plan.preview import PREVIEW, PREVIEW_SIZE, preview, preview_argv
from pipeline.plan.reading import streams_argv
from pipeline.plan.sampling import smallest_for
from pipeline.plan.storyboard import (
    PATTERN,
    TILE,
    VTT,
    cues,
    sheet_name,
    storyboard,
    storyboard_argv,
    webvtt,
)
from pipeline.plan.waveform import (
    PEAKS,
    PICTURE,
    PICTURE_SIZE,
    PeakReader,
    Peaks,
    peaks_argv,
    peaks_json,
    picture,
    samples_per_peak,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.plan import Plan

    Tick = Callable[[Progress], None] | None


#: What looking at a sound may take, seconds.
LOOK_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Making:
    """With what, where and for how long: `folder` is the output folder being built."""

    tools: Tools
    folder: Path
    timeout_s: float | None = None
    on_tick: Tick = None


@dataclass(frozen=True)
class Film:
    """A rendition to take pictures from: size in pixels, distance of its key frames in seconds.

    `duration_s` is that of the whole film, with its sound.
    """

    path: Path
    width: int
    height: int
    duration_s: float
    gop_s: float


def make_extras(making: Making, plan: Plan, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """Make what the profile asks for beside the renditions, as far as the plan has it.

    The full poster is already in the folder; `inputs` maps each step to its encoded file. Gives
    kind → path relative to the output folder, and under `posters` a list of them. Raises
    `MediaError` (`extra_failed`), and what `pipeline.media.process.run` raises.
    """
    rule, wanted = plan.profile.poster, plan.profile.extras
    posters = make_posters(making, rule.sizes, rule.formats)
    made: dict[str, Any] = {"posters": [asdict(file) for file in posters]}
    sounds = [inputs[rendition_step(sound.name)] for sound in plan.sounds]
    # The first codec's, in ordinary light; largest first.
    films = [one for one in plan.videos if not one.hdr] or list(plan.videos)
    films = [one for one in films if one.codec == films[0].codec]
    if films and {"storyboard", "preview"} & set(wanted):
        files = [inputs[rendition_step(film.name)] for film in films]
        sizes = [(film.width, film.height) for film in films]
        gop_s = plan.profile.video.gop_seconds
        duration_s = max(length_s(file) for file in [files[-1], *sounds[:1]])
        for kind, longest, make in (
            ("storyboard", TILE, make_storyboard),
            ("preview", PREVIEW_SIZE, make_preview),
        ):
            if kind in wanted:
                best = smallest_for(sizes, longest)
                film = Film(files[best], *sizes[best], duration_s, gop_s)
                made[kind] = make(making, film)
    if "waveform" in wanted and sounds:
        make_waveform(making, sounds[0])
        made |= {"waveform": PICTURE, "peaks": PEAKS}
    return made


def make_posters(making: Making, widths: Sequence[int], formats: Sequence[str]) -> list[PosterFile]:
    """Make the other sizes and formats of the poster that is in the folder; lists all of them."""
    full = making.folder / POSTER
    files = poster_files(read_size(full), widths, formats)
    copies = [file for file in files if file.path != POSTER]
    if copies:
        made = [making.folder / file.path for file in copies]
        argv = poster_copies_argv(making.tools.ffmpeg, full, copies)
        _run(making, "posters", argv, reads=full, writes=made)
    for file in copies:
        check_picture(making.folder / file.path, file.width, file.height)
    return files


def make_storyboard(making: Making, film: Film) -> str:
    """Make the storyboard's sheets and its WebVTT; gives the name of the latter."""
    board = storyboard(film.width, film.height, film.duration_s, film.gop_s)
    # The pattern's percent sign must be the only one, whatever the folder's name.
    argv = storyboard_argv(making.tools.ffmpeg, film.path.absolute(), board)
    # How many sheets there are is counted beforehand, and each is to be made by its own name.
    sheets = [making.folder / (PATTERN % number) for number in range(1, len(board.sheets) + 1)]
    _run(making, "storyboard", argv, reads=film.path, writes=sheets, cwd=making.folder)
    first = making.folder / (PATTERN % 1)
    if first.is_file():
        first.rename(making.folder / sheet_name(1))
    (making.folder / VTT).write_text(webvtt(cues(board)), encoding="utf-8")
    check_storyboard(making.folder, board)
    return VTT


def make_preview(making: Making, film: Film) -> str:
    """Make the animated preview; gives its name."""
    wanted = preview(film.width, film.height, film.duration_s, film.gop_s)
    out = making.folder / PREVIEW
    argv = preview_argv(making.tools.ffmpeg, film.path, wanted, out)
    _run(making, "preview", argv, reads=film.path, writes=[out])
    check_preview(out, wanted)
    return PREVIEW


def make_waveform(making: Making, sound: Path) -> Peaks:
    """Make the peaks and the picture of the first track in `sound`; gives the peaks."""
    peaks, duration_s = _peaks(making, sound)
    (making.folder / PEAKS).write_text(peaks_json(peaks), encoding="utf-8")
    (making.folder / PICTURE).write_bytes(picture(peaks, *PICTURE_SIZE))
    check_waveform(making.folder, duration_s)
    return peaks


def length_s(path: Path) -> float:
    """Read how long an encoded file plays, seconds: the longest of its tracks."""
    return max(track.end_s for track in read_tracks(path))


def _peaks(making: Making, sound: Path) -> tuple[Peaks, float]:
    rates = [one.get("sample_rate") for one in _streams(making.tools, sound)]
    rate = int(next(filter(None, rates), 0))
    if not rate:
        raise _failed("waveform", 0, f"{sound.name} holds no sound")
    duration_s = length_s(sound)
    each = samples_per_peak(duration_s, rate)
    reader = PeakReader()
    argv = peaks_argv(making.tools.ffmpeg, sound, each)
    done = run(
        argv,
        fence=making.tools.looking(sound),
        timeout_s=making.timeout_s,
        on_tick=making.on_tick,
        on_output=reader.take,
    )
    if done.returncode:
        raise _failed("waveform", done.returncode, done.log)
    return reader.peaks(rate, each), duration_s


def _run(
    making: Making,
    name: str,
    argv: list[str],
    *,
    reads: Path,
    writes: Sequence[Path],
    cwd: Path | None = None,
) -> None:
    fence = making.tools.fence(reads=[reads], writes=writes)
    done = run(argv, fence=fence, timeout_s=making.timeout_s, on_tick=making.on_tick, cwd=cwd)
    if done.returncode:
        raise _failed(name, done.returncode, done.log)


def _streams(tools: Tools, path: Path) -> list[dict[str, Any]]:
    done = run(
        streams_argv(tools.ffprobe, path),
        fence=tools.looking(path),
        timeout_s=LOOK_TIMEOUT_S,
        keep_output=True,
    )
    streams: list[dict[str, Any]] = json.loads(done.output or b"{}").get("streams", [])
    if done.returncode or not streams:
        raise _failed(path.name, done.returncode, done.log)
    return streams


def _failed(name: str, returncode: int, log: str) -> MediaError:
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no reason")
    # A signal ended it: the machine's doing, not the file's.
    kind = TransientMediaError if returncode < 0 else MediaError
    return kind(
        "extra_failed",
        f"The {name} could not be made: {last.strip()}",
        "Leave it out of `extras` in profiles.yml and `reelworks retry`, or see `reelworks logs`.",
    ).telling(log)
