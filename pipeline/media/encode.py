"""Encode one unit: one ffmpeg, one decode, every picture and steady sound; then the others."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.anew import run_anew
from pipeline.media.capabilities import working_encoder
from pipeline.media.damage import losses
from pipeline.media.errors import NO_MEMORY, MediaError, TransientMediaError, too_much_memory
from pipeline.media.process import run
from pipeline.media.unchanged import check_source
from pipeline.media.unread import check_disk
from pipeline.plan.argv import encode_argv, sound_argv, text_argv
from pipeline.plan.captions import captions_argv, lead_s
from pipeline.plan.hardware import KINDS, encoder_name, kind_of, takes
from pipeline.plan.holding import shown_again
from pipeline.plan.names import rendition_step
from pipeline.plan.sound import changes, has_changed, measure_argv, read_loudness
from pipeline.plan.webvtt import escaped, spoken, within
from pipeline.settings.unreadable import why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pipeline.media.process import Completed, Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import TextRendition
    from pipeline.plan.sound import Loudness

    Tick = Callable[[Progress], None] | None

#: What a hardware encoder complains of; all that follows is ffmpeg giving up.
HARDWARE_SAID = re.compile(
    rf"^\[\w+_(?:{'|'.join(KINDS)}) @ \w+\] (?:\[\w+\] )?(.+)$", re.MULTILINE
)


@dataclass(frozen=True)
class Encoded:
    """What an encode made: `frames` in each picture, None when none was made.

    `notes` are sentences for the job's history, about what was odd but tolerable.
    """

    frames: int | None
    log: str
    notes: tuple[str, ...] = ()


def encode_unit(
    tools: Tools,
    plan: Plan,
    unit: EncodeUnit,
    outputs: Mapping[str, Path],
    *,
    timeout_s: float | None = None,
    on_tick: Tick = None,
) -> Encoded:
    """Write every rendition of the unit that `outputs` names (step → file) in one run of ffmpeg.

    Sounds that may change on the way follow, track by track; then texts, each in a run of its own
    that decodes nothing but text; loudness is measured before. Raises `MediaError`: `source_gone`,
    `source_changed`, `encoder_failed`, `damaged`, `watermark_gone`, `too_large`,
    `output_too_large`; `tool_missing` when no encoder works; `TransientMediaError`: `timeout`,
    `stalled`, `no_space`, `encoder_killed`; `OSError` where the source's disk refused: that may
    pass, or another worker can read it.
    """
    check_source(plan.source)
    check_watermark(plan)
    made = Encoded(None, "")
    coded = {
        step: path
        for step, path in outputs.items()
        if step in unit.steps and step in _coded_steps(plan)
    }
    alone = _sounds_of(plan, coded) if changes(plan) else {}
    together = {step: path for step, path in coded.items() if step not in alone}
    if together:
        made = _encode_together(tools, plan, unit, together, timeout_s, on_tick)
        if has_changed(made.log):
            alone = _sounds_of(plan, coded)
    for index in dict.fromkeys(one.index for one in plan.sounds):
        log = _encode_alone(tools, plan, index, alone, timeout_s, on_tick)
        made = replace(made, log=made.log + log)
    if coded:
        made = replace(made, notes=losses(plan, _decoded(plan, made.frames), made.log))
    for text, path in _wanted_texts(plan, outputs):
        log = _write_text(tools, plan, text, path, timeout_s, on_tick)
        made = replace(made, log=made.log + log)
    return made


def _sounds_of(plan: Plan, outputs: Mapping[str, Path]) -> dict[str, Path]:
    """Give those of the outputs that are sounds."""
    steps = {rendition_step(one.name) for one in plan.sounds}
    return {step: path for step, path in outputs.items() if step in steps}


def _encode_together(
    tools: Tools,
    plan: Plan,
    unit: EncodeUnit,
    outputs: Mapping[str, Path],
    timeout_s: float | None,
    on_tick: Tick,
) -> Encoded:
    """Make pictures and sounds from one decode."""
    loudness = _loudness(tools, plan, outputs, timeout_s, on_tick)
    encoders = chosen_encoders(tools, plan, unit, outputs)
    argv = encode_argv(
        tools.ffmpeg, plan, outputs, encoders=encoders, cores=cores(), loudness=loudness
    )
    fence = tools.fence(
        reads=_read(plan), writes=outputs.values(), cards=any(map(kind_of, encoders.values()))
    )
    done = run_anew(argv, fence=fence, timeout_s=timeout_s, on_tick=on_tick)
    if done.returncode:
        raise explained(tools, plan, done)
    pictures = {rendition_step(video.name) for video in plan.videos}
    frames = done.progress.frame if pictures & set(outputs) else None
    _check_read(plan, frames, done.log)
    return Encoded(frames, done.log)


def _encode_alone(
    tools: Tools,
    plan: Plan,
    index: int,
    outputs: Mapping[str, Path],
    timeout_s: float | None,
    on_tick: Tick,
) -> str:
    """Make the sounds of one track that may change on the way; gives what ffmpeg said."""
    sounds = [
        one for one in plan.sounds if one.index == index and rendition_step(one.name) in outputs
    ]
    if not sounds:
        return ""
    wanted = {step: outputs[step] for step in (rendition_step(one.name) for one in sounds)}
    loudness = _loudness(tools, plan, wanted, timeout_s, on_tick, alone=True)
    argv = sound_argv(tools.ffmpeg, plan, sounds, wanted, loudness=loudness)
    fence = tools.fence(reads=_read(plan), writes=wanted.values())
    # With pictures they are at their end by now; alone, the sound tells how far it is.
    tick = _at(on_tick, plan.duration_s) if plan.videos else on_tick
    done = run_anew(argv, fence=fence, timeout_s=timeout_s, on_tick=tick)
    if done.returncode:
        raise explained(tools, plan, done)
    _check_read(plan, None, done.log)
    return done.log


def _check_read(plan: Plan, frames: int | None, log: str) -> None:
    """Tell a disk that refused from a source that ends early; one to be salvaged is as it is."""
    video, found = plan.source.video, _decoded(plan, frames)
    every = found is not None and video is not None and found >= video.frames
    if not every and plan.profile.damaged != "salvage":
        check_disk(log, Path(plan.source.path))


def _decoded(plan: Plan, frames: int | None) -> int | None:
    """Count the frames that are the source's, of those that were encoded."""
    again = shown_again(plan)
    return frames if frames is None or again is None else max(frames - again.frames, 0)


def _coded_steps(plan: Plan) -> set[str]:
    return {rendition_step(one.name) for one in plan.streams}


def _wanted_texts(plan: Plan, outputs: Mapping[str, Path]) -> Iterator[tuple[TextRendition, Path]]:
    for text in plan.texts:
        if rendition_step(text.name) in outputs:
            yield text, outputs[rendition_step(text.name)]


def cores() -> int:
    """Count the cores that this process may use (sched_getaffinity(2))."""
    return len(os.sched_getaffinity(0))


def chosen_encoders(
    tools: Tools, plan: Plan, unit: EncodeUnit, steps: Collection[str]
) -> dict[str, str]:
    """Choose the encoder of each picture whose step is named.

    It is the unit's hardware where that takes the picture, or the processor.
    """
    kind = None if unit.capability == "cpu" else unit.capability
    return {
        video.name: encoder_name(kind, video.codec)
        if kind and takes(video)
        else working_encoder(tools.ffmpeg, video.codec)
        for video in plan.videos
        if rendition_step(video.name) in steps
    }


def check_watermark(plan: Plan) -> None:
    """See that the picture to lay over can be read. Raises `MediaError` (`watermark_gone`)."""
    mark = plan.profile.watermark
    if mark is not None and plan.videos and (wrong := why_unreadable(mark.file)):
        raise MediaError(
            "watermark_gone",
            f"The watermark {mark.file} {wrong}.",
            "Put it where the user who runs Reelworks may read it, or take `watermark` out of the "
            "profile in profiles.yml and start Reelworks again, as parts read profiles when they "
            "start; then `reelworks retry`.",
        )


def _loudness(
    tools: Tools,
    plan: Plan,
    outputs: Mapping[str, Path],
    timeout_s: float | None,
    on_tick: Tick,
    *,
    alone: bool = False,
) -> dict[str, Loudness | None]:
    """Measure each sound that is to be brought to a loudness, once for all its codecs."""
    if plan.profile.audio.loudness is None:
        return {}
    measured: dict[tuple[int, int], Loudness | None] = {}
    found: dict[str, Loudness | None] = {}
    for sound in plan.sounds:
        if rendition_step(sound.name) not in outputs:
            continue
        key = (sound.index, sound.channels)
        if key not in measured:
            argv = measure_argv(tools.ffmpeg, plan, sound, alone=alone)
            measured[key] = _measured(tools, plan, argv, timeout_s, on_tick)
        found[sound.name] = measured[key]
    return found


def _measured(
    tools: Tools, plan: Plan, argv: list[str], timeout_s: float | None, on_tick: Tick
) -> Loudness | None:
    done = run_anew(
        argv,
        fence=tools.fence(reads=_read(plan)),
        timeout_s=timeout_s,
        on_tick=_at(on_tick, 0.0),
    )
    if done.returncode:
        raise explained(tools, plan, done)
    return read_loudness(done.log)


def _write_text(
    tools: Tools,
    plan: Plan,
    text: TextRendition,
    path: Path,
    timeout_s: float | None,
    on_tick: Tick,
) -> str:
    if text.index is None:
        argv = captions_argv(tools.ffmpeg, plan, path)
    else:
        argv = text_argv(tools.ffmpeg, plan, text, path)
    fence = tools.fence(reads=_read(plan), writes=[path])
    done = run(argv, fence=fence, timeout_s=timeout_s, on_tick=_at(on_tick, plan.duration_s))
    if done.returncode:
        raise explained(tools, plan, done)
    if path.is_file():
        begun_s = lead_s(plan) if text.index is None else 0.0
        ends_s = math.inf if plan.profile.trim is None else plan.end_s
        said = spoken(path.read_text("utf-8"))
        said = within(said, plan.start_s - begun_s, ends_s - begun_s)
        path.write_text(escaped(said), encoding="utf-8")
    return done.log


def _at(on_tick: Tick, out_time_s: float) -> Tick:
    """Report what runs before or after the encode as the encode's beginning or end."""
    if on_tick is None:
        return None
    return lambda progress: on_tick(replace(progress, out_time_s=out_time_s))


def _read(plan: Plan) -> list[Path]:
    """List what an encode reads: the source, and what is laid over it."""
    mark = plan.profile.watermark
    return [Path(plan.source.path), *([mark.file] if mark is not None else [])]


def explained(tools: Tools, plan: Plan, done: Completed) -> MediaError:
    """Say why an encode failed: what became of the source, or what ffmpeg said last.

    Raises `OSError` where its disk refused.
    """
    check_source(plan.source)
    check_disk(done.log, Path(plan.source.path))
    name = Path(plan.source.path).name
    if NO_MEMORY in done.log:
        return too_much_memory(name, tools.memory_bytes).telling(done.log)
    if done.returncode < 0:
        return TransientMediaError(
            "encoder_killed",
            f"ffmpeg was killed (signal {-done.returncode}) while it encoded {name}.",
            "It is tried again; look whether the machine has run out of memory.",
        ).telling(done.log)
    return MediaError(
        "encoder_failed",
        f"ffmpeg could not encode {name}: {_reason(done.log)}",
        "`reelworks logs` shows all it said.",
    ).telling(done.log)


def _reason(log: str) -> str:
    """Find the line that tells why: what a hardware encoder said first, else the last of all."""
    told = HARDWARE_SAID.search(log)
    if told:
        return told[1].strip()
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "no reason")
