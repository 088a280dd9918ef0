"""Encode a range of a source, and join ranges: what is joined must be as one encode had made it."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.anew import run_anew
from pipeline.media.boxes import Broken, read_index
from pipeline.media.damage import losses
from pipeline.media.encode import Encoded, chosen_encoders, cores, explained
from pipeline.media.errors import MediaError
from pipeline.media.process import Progress, run
from pipeline.media.unchanged import check_source
from pipeline.media.unread import check_disk
from pipeline.media.verify import verify_rendition
from pipeline.plan.codecs import TIMESCALE
from pipeline.plan.names import rendition_step
from pipeline.plan.range_argv import join_argv, joined_listing, range_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.media.boxes import Index
    from pipeline.media.tools import Tools
    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan

    Tick = Callable[[Progress], None] | None


def encode_range(
    tools: Tools,
    plan: Plan,
    unit: EncodeUnit,
    output: Path,
    *,
    timeout_s: float | None = None,
    on_tick: Tick = None,
) -> Encoded:
    """Write all pictures of a range into one file, and see that each has every frame of it.

    Raises `MediaError` as `encode_unit` does, and `verify_failed`; `OSError` as that.
    """
    check_source(plan.source)
    steps = [rendition_step(name) for name in unit.renditions]
    encoders = chosen_encoders(tools, plan, unit, steps)
    argv = range_argv(tools.ffmpeg, plan, unit, output, encoders=encoders, cores=cores())
    fence = tools.fence(reads=[Path(plan.source.path)], writes=[output])
    done = run_anew(argv, fence=fence, timeout_s=timeout_s, on_tick=on_tick)
    if done.returncode:
        raise explained(tools, plan, done)
    name = _called(plan, unit)
    found = [index.track().count for index in _index(name, output)]
    if found != [unit.frames] * len(unit.renditions):
        check_disk(done.log, Path(plan.source.path))
        what = f"it holds {found}, not {unit.frames} frames of each picture"
        raise _differs(name, what).telling(done.log)
    return Encoded(unit.frames, done.log, losses(plan, None, done.log))


def join_ranges(
    tools: Tools,
    plan: Plan,
    ranges: Sequence[tuple[EncodeUnit, Path]],
    outputs: Mapping[str, Path],
    listing: Path,
    *,
    timeout_s: float | None = None,
    on_tick: Tick = None,
    on_check: Tick = None,
) -> Encoded:
    """Join the files of all ranges into the renditions that `outputs` names (step → file).

    `listing` is a file to be written on the way. Raises `MediaError`: `verify_failed` where the
    ranges don't fit together or the joined frames are not theirs, and as `encode_unit` does;
    `OSError` where one can't be read, `FileNotFoundError` where it is gone.
    """
    moments = list(_moments(plan, ranges, on_check))
    begins = [
        _begins(_called(plan, unit), tracks)
        for (unit, _), tracks in zip(ranges, moments, strict=True)
    ]
    parts = [path for _, path in ranges]
    text = joined_listing(list(zip(parts, begins, strict=True)))
    listing.write_text(text, encoding="utf-8")
    wanted = [one for one in plan.videos if rendition_step(one.name) in outputs]
    places = {name: number for number, name in enumerate(ranges[0][0].renditions)}
    argv = join_argv(
        tools.ffmpeg,
        listing,
        [(one, places[one.name], outputs[rendition_step(one.name)]) for one in wanted],
    )
    fence = tools.fence(reads=[listing, *parts], writes=list(outputs.values()))
    done = run(argv, fence=fence, timeout_s=timeout_s, on_tick=on_tick)
    if done.returncode:
        raise _not_joined(parts, done.log)
    frames = sum(unit.frames or 0 for unit, _ in ranges)
    for one in wanted:
        step = rendition_step(one.name)
        made = _index(step, outputs[step])
        tracks = [index.track() for index in made]
        verify_rendition(tools, plan, step, outputs[step], frames, tracks=tracks, on_tick=on_check)
        whole = array("q", (at for tracks in moments for at in tracks[places[one.name]]))
        if [index.moments() for index in made] != [whole]:
            raise _differs(step, "its frames are not shown when those of the ranges are")
        _told(on_check)
    return Encoded(frames, done.log)


def _moments(
    plan: Plan, ranges: Sequence[tuple[EncodeUnit, Path]], on_check: Tick
) -> Iterator[list[array[int]]]:
    """Read when each range's frames are shown, picture by picture.

    All must set up a decoder alike: joined, only what the first says is kept.
    """
    first = None
    for unit, path in ranges:
        name = _called(plan, unit)
        indexes = _index(name, path)
        setups = [(index.clock, index.picture_setup()) for index in indexes]
        first = first or setups
        if setups != first:
            raise _differs(name, "its streams are coded otherwise than those of the first")
        yield [index.moments() for index in indexes]
        _told(on_check)


def _told(on_check: Tick) -> None:
    """Tell that the work moves: reading the indexes of a long film takes a while in all."""
    if on_check is not None:
        on_check(Progress(moved=True))


def _not_joined(parts: Sequence[Path], log: str) -> MediaError:
    """Say why ffmpeg could not join the ranges. Raises `OSError` where one can't be read."""
    for path in parts:
        path.stat()
    check_disk(log, parts[0].parent)
    return _differs("joined file", f"ffmpeg could not make it: {log.strip()[-200:]}")


def _begins(name: str, tracks: Sequence[array[int]]) -> float:
    """Tell when a range begins, seconds: all its pictures at once."""
    begins = {track[0] for track in tracks if track}
    if len(begins) != 1:
        raise _differs(name, "its pictures don't begin at the same time")
    return begins.pop() / TIMESCALE


def _called(plan: Plan, unit: EncodeUnit) -> str:
    return f"{unit.name} of {Path(plan.source.path).name}"


def _index(name: str, path: Path) -> list[Index]:
    try:
        return read_index(path)
    except Broken as error:
        raise _differs(name, str(error)) from error


def _differs(name: str, what: str) -> MediaError:
    return MediaError(
        "verify_failed",
        f"The encoded {name} is not what was planned: {what}.",
        "The source is encoded whole instead.",
    )
