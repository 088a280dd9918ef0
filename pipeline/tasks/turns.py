"""Turns: a step that encodes waits for one of its worker's encoders, and for how long."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from pipeline.plan.short import is_short
from pipeline.tasks.encoders import shared
from pipeline.tasks.step import GivenBack

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.tasks.step import Work

#: How long a claimed step waits for an encoder, seconds: far longer than a short encode takes. Who
#: waits longer came behind a long one, as a retry that fell due meanwhile: others may be free.
PATIENCE_S = 60.0


def encoding(work: Work, unit: EncodeUnit) -> AbstractContextManager[None]:
    """Give what is entered to encode a unit: its turn at an encoder, where a worker shares some.

    Entering it raises `GivenBack` when none is free for long or the job's deadline has passed, and
    `LeaseLost`.
    """
    encoders = shared()
    if encoders is None:
        return nullcontext()
    until = time.monotonic() + PATIENCE_S

    def waiting() -> None:
        work.beat(0.0)
        if work.late or time.monotonic() > until:
            raise GivenBack("the encoders of its worker are busy")

    return encoders.turn(waiting, short=is_short(work.planned, unit))
