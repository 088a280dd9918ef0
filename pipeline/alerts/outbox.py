"""Drain the outbox: every alert that is owed is delivered, once, however often it takes."""

from __future__ import annotations

import logging
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.alerts.messages import message_for
from pipeline.alerts.send import send
from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, outbox
from pipeline.history.database import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.alerts.messages import Message
    from pipeline.history.database import Database
    from pipeline.models import OutboxRow
    from pipeline.settings.load import Settings
    from pipeline.settings.notifications import Channel

    Sender = Callable[[str, Channel, Message], None]

logger = logging.getLogger(__name__)

#: How often one alert is tried before it is given up: with the back-off, about a day.
MOST_ATTEMPTS = 12
#: The first wait before another try, doubled each time, up to the last; seconds.
FIRST_RETRY_S = 20.0
LAST_RETRY_S = 4 * 3600.0
#: How many channels are spoken to at once: one that hangs must not hold up the others.
SENDERS = 8


@dataclass(frozen=True)
class Drained:
    """How many alerts were delivered, put off, and given up."""

    sent: int = 0
    put_off: int = 0
    given_up: int = 0


def drain(db: Database, settings: Settings, *, sender: Sender = send) -> Drained:
    """Send every alert that is due. Failures are recorded and tried again later, with back-off."""
    with db.read() as session:
        rows = outbox.due(session, now(session))
    if not rows:
        return Drained()
    with ThreadPoolExecutor(min(SENDERS, len(rows)), thread_name_prefix="alert") as pool:
        outcomes = list(pool.map(lambda row: _deliver(db, settings, row, sender), rows))
    return Drained(
        sent=outcomes.count("sent"),
        put_off=outcomes.count("put off"),
        given_up=outcomes.count("given up"),
    )


def _deliver(db: Database, settings: Settings, row: OutboxRow, sender: Sender) -> str:
    owner = f"{socket.gethostname()}/{threading.get_ident()}"
    with db.begin() as session:
        if not outbox.claim(session, row.id, owner):
            return "taken"
        job = jobs.view(session, row.job_id)
    channel = settings.notifications.channels.get(row.channel)
    if channel is None:
        return _give_up(db, row, "the channel is no longer in notifications.yml")
    try:
        sender(row.channel, channel, message_for(job, row.event))
    except ReelworksError as error:
        return _put_off(db, row, error)
    with db.begin() as session:
        outbox.sent(session, row.id)
        events.add(session, row.job_id, "alerted", f"told {row.channel} that it {row.event}")
    return "sent"


def _put_off(db: Database, row: OutboxRow, error: ReelworksError) -> str:
    attempts = row.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        return _give_up(db, row, error.message)
    logger.warning("%s", error.message)
    with db.begin() as session:
        retry_at = now(session) + timedelta(seconds=retry_wait_s(attempts))
        outbox.failed(session, row.id, error.message, retry_at)
    return "put off"


def _give_up(db: Database, row: OutboxRow, reason: str) -> str:
    logger.error("an alert about job %s is given up: %s", row.job_id, reason)
    with db.begin() as session:
        outbox.failed(session, row.id, reason, None)
        events.add(session, row.job_id, "alert_given_up", f"{row.channel} was not told: {reason}")
    return "given up"


def retry_wait_s(attempts: int) -> float:
    """Choose how long to wait after so many failed attempts, seconds: doubling, with jitter."""
    ceiling = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (attempts - 1))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
