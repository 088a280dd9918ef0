"""Fall back: what hardware could not encode, or encoded wrongly, is encoded by the processor."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.media.encode import encode_unit
from pipeline.media.errors import MediaError
from pipeline.media.verify import verify_rendition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pipeline.media.encode import Encoded
    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan

    Tick = Callable[[Progress], None] | None

logger = logging.getLogger(__name__)

#: What a card or its driver may have caused: an error or a crash of the encoder, a hang, frames
#: and files that are not as planned. Where it was the source after all, the processor fails alike.
HARDWARE_FAULTS = frozenset(
    {"encoder_failed", "encoder_killed", "stalled", "deadlocked", "damaged", "verify_failed"}
)
#: The most of the tool's words that are told, characters.
REASON_LENGTH = 200


def encode_verified(
    tools: Tools,
    plan: Plan,
    unit: EncodeUnit,
    outputs: Mapping[str, Path],
    *,
    timeout_s: Callable[[], float | None] = lambda: None,
    on_tick: Tick = None,
    on_check: Tick = None,
    on_fallback: Callable[[str], None] | None = None,
    encoding: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Encoded:
    """Encode a unit and verify each rendition; where its hardware fails, again without.

    `on_fallback` is told in a sentence what failed, before the processor begins; `encoding` gives
    what is entered for as long as an encoder is needed. Once it is there `timeout_s` tells how long
    the encode may take. Raises what `encode_unit` and
    `verify_rendition` raise.
    """

    def encoded(unit: EncodeUnit) -> Encoded:
        with encoding():
            made = encode_unit(tools, plan, unit, outputs, timeout_s=timeout_s(), on_tick=on_tick)
        return _verified(tools, plan, outputs, made, on_check)

    try:
        return encoded(unit)
    except MediaError as error:
        if unit.capability == "cpu" or error.code not in HARDWARE_FAULTS:
            raise
        reason = error.message.rstrip(".")[:REASON_LENGTH]
        sentence = f"{unit.capability} failed ({reason}): encoded by the processor"
    logger.warning("%s", sentence)
    if on_fallback is not None:
        on_fallback(sentence)
    for path in outputs.values():
        path.unlink(missing_ok=True)
    return encoded(unit.model_copy(update={"capability": "cpu"}))


def _verified(
    tools: Tools, plan: Plan, outputs: Mapping[str, Path], made: Encoded, on_check: Tick
) -> Encoded:
    notes = list(made.notes)
    for step, path in outputs.items():
        notes += verify_rendition(tools, plan, step, path, made.frames, on_tick=on_check)
    return replace(made, notes=tuple(dict.fromkeys(notes)))
