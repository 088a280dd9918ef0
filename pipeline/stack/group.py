"""Some parts in one foreground command, as one container or one service runs several workers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline.stack.guard import Guard
from pipeline.stack.stopping import Stopping
from pipeline.stack.supervisor import Supervisor
from pipeline.stack.system import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.stack.part import Part
    from pipeline.stack.supervisor import Notice


def run_together(parts: Iterable[Part], *, grace_s: float, tell: Callable[[Notice], None]) -> None:
    """Keep the parts running until we are asked to stop. Their output goes where ours does."""
    guard = Guard(grace_s=grace_s)
    supervisor = Supervisor(logs=None, tell=tell, guard=guard)
    with Stopping() as stopping:
        try:
            for part in parts:
                supervisor.start(part)
            while not stopping.asked:
                supervisor.tick()
                time.sleep(TICK_S)
        finally:
            supervisor.stop(grace_s=grace_s, hurried=stopping.hurried)
            guard.close()
