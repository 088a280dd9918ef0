"""Waiting: a broker that is away is waited for, however long, and that is said now and then."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu import Connection

logger = logging.getLogger(__name__)

#: How often it is said that a broker does not answer, seconds.
TELL_S = 600.0
#: How often it is asked at the least, seconds: it is back so much later at the most.
LONGEST_S = 10


def until_it_answers(connection: Connection, meanwhile: Callable[[], None]) -> Connection:
    """Connect to a broker, once it answers. `meanwhile` is called each second, and may raise.

    Celery gives up after a hundred times, which are most of an hour, and its worker ends; kombu
    does so at once where RabbitMQ answers and refuses: a password or rights may be mended there.
    """
    told_at: float | None = None

    def tell(problem: BaseException, _interval: float) -> None:
        nonlocal told_at
        if told_at is None or time.monotonic() - told_at >= TELL_S:
            told_at = time.monotonic()
            shown = connection.as_uri()
            logger.warning("the broker %s does not answer, and is waited for: %s", shown, problem)

    while True:
        try:
            connected = connection.ensure_connection(
                tell, interval_max=LONGEST_S, callback=meanwhile
            )
            break
        except (*connection.connection_errors, *connection.channel_errors) as refused:
            tell(refused, LONGEST_S)
        for _ in range(LONGEST_S):
            meanwhile()
            time.sleep(1.0)
    if told_at is not None:
        logger.info("the broker answers again")
    return connected
