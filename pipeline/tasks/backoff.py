"""Back-off: how long a step waits before it is tried again."""

from __future__ import annotations

import random

#: Back-off before another try: the first wait, doubled each time, up to the last; seconds.
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 600.0
#: The longest wait for room on a full disk, seconds: looking costs nothing, and somebody may have
#: made room just now.
LAST_ROOM_WAIT_S = 120.0


def room_wait_s(attempt: int) -> float:
    """Choose how long to wait for room, seconds: growing with each look, with jitter."""
    ceiling = min(LAST_ROOM_WAIT_S, FIRST_RETRY_S * 2 ** min(attempt, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing


def retry_wait_s(tries: int) -> float:
    """Choose how long to wait before the next try, seconds: exponential, with full jitter.

    Jitter keeps many steps that failed together (a full disk, a lost share) from coming back
    together.
    """
    ceiling = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (tries - 1))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
