"""Encode one unit: one ffmpeg, one decode, every rung and the sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.capabilities import working_encoder
from pipeline.media.errors import MediaError
from pipeline.media.process import run
from pipeline.media.unchanged import check_source
from pipeline.plan.argv import encode_argv
from pipeline.plan.names import AUDIO_STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.media.process import Completed, Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan

#: A source that loses more of its frames than this share in decoding is damaged; a frame or two
#: may be lost at the ends of any recording that was cut.
TOLERATED_LOSS = 0.02
TOLERATED_FRAMES = 2
#: What ffmpeg puts before an error, at `-loglevel level+warning`.
ERROR_MARK = "[error]"


@dataclass(frozen=True)
class Encoded:
    """What an encode made: `frames` in each rung, None when only sound was made.

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
    on_tick: Callable[[Progress], None] | None = None,
) -> Encoded:
    """Write every step of the unit that `outputs` names (step → file) in one run of ffmpeg.

    Raises `MediaError`: `source_gone`, `source_changed`, `encoder_failed`, `damaged`;
    `tool_missing` when no encoder works; `TransientMediaError`: `timeout`, `stalled`, `no_space`.
    """
    check_source(plan.source)
    encoder = working_encoder(tools.ffmpeg, plan.profile.video.encoder)
    argv = encode_argv(tools.ffmpeg, plan, unit, outputs, encoder=encoder)
    done = run(argv, timeout_s=timeout_s, on_tick=on_tick)
    if done.returncode:
        raise _explained(plan, done)
    frames = None if set(outputs) == {AUDIO_STEP} else done.progress.frame
    return Encoded(frames, done.log, _loss(plan, frames, done.log))


def _explained(plan: Plan, done: Completed) -> MediaError:
    check_source(plan.source)
    last = next((line for line in reversed(done.log.splitlines()) if line.strip()), "no reason")
    return MediaError(
        "encoder_failed",
        f"ffmpeg could not encode {Path(plan.source.path).name}: {last.strip()}",
        "`reelworks logs` shows all it said.",
    )


def _loss(plan: Plan, frames: int | None, log: str) -> tuple[str, ...]:
    """Compare what was decoded with what the source holds.

    Only errors of the decoder make lost frames damage: packets also are not frames where each
    holds a field, or a picture that is only referred to, or where a recording starts between two
    key frames.
    """
    if frames is None or plan.source.video is None:
        return ()
    held = plan.source.video.frames
    lost = held - frames
    errors = ERROR_MARK in log
    if errors and lost > max(TOLERATED_FRAMES, held * TOLERATED_LOSS):
        raise MediaError(
            "damaged",
            f"{Path(plan.source.path).name} is damaged: {lost} of its {held} frames can't be "
            "decoded.",
            "Copy it again from its origin, or repair it.",
        )
    if lost > 0 and errors:
        return (f"{lost} of {held} frames could not be decoded",)
    if lost > 0:
        return (f"the source's {held} packets hold {frames} frames",)
    return ("the source has damaged frames, which were patched",) if errors else ()
