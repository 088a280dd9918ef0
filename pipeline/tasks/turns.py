"""Turns: a step that encodes waits for one of its worker's encoders, and for how long."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.plan.short import is_short
from pipeline.tasks.encoders import shared
from pipeline.tasks.step import GivenBack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.tasks.step import Work

#: How long a claimed step waits for an encoder, seconds: far longer than a short encode takes. Who
#: waits longer came behind a long one, as a retry that fell due meanwhile: others may be free.
PATIENCE_S = 60.0


@contextmanager
def encoding(work: Work, unit: EncodeUnit) -> Iterator[None]:
    """Encode a unit in the block: in its turn at an encoder, where a worker shares some.

    A worker that is lost while the step waits costs it no try. Entering it raises `GivenBack` when
    no encoder is free for long or the job's deadline has passed, and `LeaseLost`.
    """
    encoders = shared()
    if encoders is None:
        yield
        return
    until = time.monotonic() + PATIENCE_S

    def waiting() -> None:
        work.beat(0.0, idle=True)
        if work.late or time.monotonic() > until:
            raise GivenBack("the encoders of its worker are busy")

    with encoders.turn(waiting, short=is_short(work.planned, unit)):
        work.beat(0.0)
        yield
