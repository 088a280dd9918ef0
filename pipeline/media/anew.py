"""Begin a run of ffmpeg anew that waits for itself."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipeline.media.errors import TransientMediaError
from pipeline.media.process import DEADLOCKED, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.media.fence import Fence
    from pipeline.media.process import Completed, Progress

logger = logging.getLogger(__name__)

#: How often such a run is begun anew.
TIMES = 3


def run_anew(
    argv: Sequence[str],
    *,
    fence: Fence,
    timeout_s: float | None,
    on_tick: Callable[[Progress], None] | None,
) -> Completed:
    """Run ffmpeg over picture and sound of a source. Raises as `run` does.

    Where one of them has holes of seconds, ffmpeg 9.0 now and then waits for itself for ever: of 24
    runs over the sound of one such broadcast, with the picture beside it, 3 did.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    for _ in range(TIMES):
        try:
            return run(argv, fence=fence, timeout_s=_left(until), on_tick=on_tick)
        except TransientMediaError as error:
            if error.code != DEADLOCKED:
                raise
            logger.info("ffmpeg waits for itself and is begun anew")
    return run(argv, fence=fence, timeout_s=_left(until), on_tick=on_tick)


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.monotonic(), 0.1)
