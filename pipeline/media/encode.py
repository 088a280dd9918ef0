"""Encode one unit: one ffmpeg, one decode, every rung and the sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError, source_gone
from pipeline.media.process import run
from pipeline.plan.argv import encode_argv

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
    `TransientMediaError`: `timeout`, `stalled`, `no_space`.
    """
    check_source(plan)
    argv = encode_argv(tools.ffmpeg, plan, unit, outputs)
    done = run(argv, timeout_s=timeout_s, on_tick=on_tick)
    if done.returncode:
        raise _explained(plan, done)
    frames = done.progress.frame if len(outputs) > 1 or not _only_sound(outputs) else None
    return Encoded(frames, done.log, _loss(plan, frames, done.log))


def check_source(plan: Plan) -> None:
    """See that the source is still the file that was planned for."""
    path = Path(plan.source.path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise source_gone(str(path)) from error
    if size != plan.source.bytes:
        raise MediaError(
            "source_changed",
            f"{path.name} has changed since it was found: it had {plan.source.bytes} bytes, "
            f"now it has {size}.",
            "Drop it again once nothing writes to it any more.",
        )


def _only_sound(outputs: Mapping[str, Path]) -> bool:
    return all(path.suffix == ".m4a" for path in outputs.values())


def _explained(plan: Plan, done: Completed) -> MediaError:
    check_source(plan)
    last = next((line for line in reversed(done.log.splitlines()) if line.strip()), "no reason")
    return MediaError(
        "encoder_failed",
        f"ffmpeg could not encode {Path(plan.source.path).name}: {last.strip()}",
        "`reelworks logs` shows all it said.",
    )


def _loss(plan: Plan, frames: int | None, log: str) -> tuple[str, ...]:
    """Compare what was decoded with what the source holds."""
    if frames is None or plan.source.video is None:
        return ()
    held = plan.source.video.frames
    lost = held - frames
    if lost > max(TOLERATED_FRAMES, held * TOLERATED_LOSS):
        raise MediaError(
            "damaged",
            f"{Path(plan.source.path).name} is damaged: {lost} of its {held} frames can't be "
            "decoded.",
            "Copy it again from its origin, or repair it.",
        )
    if lost > 0:
        return (f"{lost} of {held} frames could not be decoded",)
    return ("the source has damaged frames, which were patched",) if "error" in log.lower() else ()
