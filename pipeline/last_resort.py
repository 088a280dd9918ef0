"""Last resort: a worker or beat that was asked to stop, and hangs over it, ends and says where.

Celery 5.7 stops its pool inside the handler of the signal and reads its pipes there as if they
never blocked: a message that is half read, or half written by a process that died, holds it up.
"""

from __future__ import annotations

import faulthandler
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

#: What a worker gets beyond `workers.stop_grace`, seconds: less than what services give it before
#: they kill it.
BEYOND_GRACE_S = 20.0
#: How much later than that it is killed by whoever started it, seconds.
KILLED_LATER_S = 2.0
STDERR = 2


def killed_after_s(grace_s: float) -> float:
    """Give how long a part that was asked to stop is waited for, seconds.

    Within its grace a worker waits for its work, and after that gives it back: only one that hangs
    needs longer, and has said where by then.
    """
    return grace_s + BEYOND_GRACE_S + KILLED_LATER_S


def end_within(limit_s: float) -> None:
    """See that this process has ended so long after SIGTERM, whatever its handler then does.

    Call it from the main thread once the handler is there. The kernel ends what the process
    started; what it worked on was given back before, or is free when its lease lapses.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler):
        return  # it ends at once, or is not to end

    def stop(number: int, frame: FrameType | None) -> None:
        # A thread that needs no Python: nothing that hangs holds it up. It writes every stack, and
        # past `sys.stderr`, which is a log in a worker of Celery.
        faulthandler.dump_traceback_later(limit_s, exit=True, file=STDERR)
        handler(number, frame)

    signal.signal(signal.SIGTERM, stop)
