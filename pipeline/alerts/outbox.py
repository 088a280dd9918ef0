"""Drain the outbox: every alert that is owed is delivered, once, however often it takes."""

from __future__ import annotations

import enum
import logging
import os
import random
import socket
import threading
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from pipeline.alerts.messages import Message, message_for
from pipeline.alerts.send import send
from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, outbox
from pipeline.history.database import now
from pipeline.history.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.history.database import Database
    from pipeline.models import OutboxRow
    from pipeline.settings.load import Settings
    from pipeline.settings.notifications import Channel

    Sender = Callable[[str, Channel, Message], None]

logger = logging.getLogger(__name__)

#: How often one alert is tried before it is given up: with the waits below, in most of a day.
MOST_ATTEMPTS = 8
#: The first wait before another try, times `RETRY_GROWTH` for each further one, up to the last.
FIRST_RETRY_S = 30.0
RETRY_GROWTH = 4
LAST_RETRY_S = 8 * 3600.0
#: How long one drain goes on speaking to one channel before it leaves the rest to the next.
BUDGET_S = 60.0
#: How long a database that does not answer is waited for that is to hear of a delivery, seconds.
AWAY_S = 600.0
#: How many due rows are looked at: all there can sensibly be, so that a channel with a long
#: queue hides no other.
MOST_ROWS = 10_000
#: How an event is told in a job's log; the others are their own word.
SAID = {"damaged": "is damaged", "waiting": "waits for a worker"}


@dataclass(frozen=True)
class DrainReport:
    """How many alerts were delivered, put off, and given up."""

    sent: int = 0
    put_off: int = 0
    given_up: int = 0


class Outcome(enum.Enum):
    """What became of one row."""

    SENT = enum.auto()
    PUT_OFF = enum.auto()
    GIVEN_UP = enum.auto()
    #: Somebody else has it, or has just sent it.
    TAKEN = enum.auto()


# Channel → who speaks to it in this process. A service that hangs then holds one thread, and not
# one more for every drain that starts meanwhile.
_lines: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Process:
    """Who sends: a process by a name that no other has, and how to tell that such a one is dead."""

    name: str
    is_dead: Callable[[str], bool]

    def owner(self) -> str:
        """Name who holds a row: `host/process/thread`."""
        return f"{socket.gethostname()}/{self.name}/{threading.get_ident()}"


#: One of which only its number is known; nobody's death is certain to it.
SOMEBODY = Process(str(os.getpid()), lambda _: False)


def drain(
    db: Database,
    settings: Settings,
    *,
    sender: Sender = send,
    limit: int = 100,
    process: Process = SOMEBODY,
) -> DrainReport:
    """Send every alert that is due, at most `limit` to one channel; returns when all were tried.

    Channels are spoken to side by side, so that one that fails holds up no other. What a dead
    sender held is sent too. A channel that fails is left alone until the next drain. Failures are
    recorded, tried again later with back-off, and given up after `MOST_ATTEMPTS`. Raises
    `DatabaseUnreachable`, and `DatabaseFull` where none was sent.
    """
    if db.was_full_lately():
        return DrainReport()  # what was sent meanwhile may just not have been written down
    _let_go_of_dead(db, process)
    with db.read() as session:
        rows = outbox.due(session, now(session), MOST_ROWS)
    queues: defaultdict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        queues[row.channel].append(row)
    if not queues:
        return DrainReport()
    with ThreadPoolExecutor(len(queues), thread_name_prefix="drain") as pool:
        spoken = pool.map(
            lambda queue: _speak(db, settings, queue[:limit], sender, process), queues.values()
        )
        counts = Counter(outcome for outcomes in spoken for outcome in outcomes)
    return DrainReport(
        sent=counts[Outcome.SENT],
        put_off=counts[Outcome.PUT_OFF],
        given_up=counts[Outcome.GIVEN_UP],
    )


def _let_go_of_dead(db: Database, process: Process) -> None:
    """Free what senders held that were killed: it is sent now, not in two minutes."""
    with db.read() as session:
        gone = [owner for owner in outbox.holders(session) if process.is_dead(owner)]
    if gone:
        db.write(partial(outbox.let_go, owners=gone))


def _speak(
    db: Database, settings: Settings, rows: list[OutboxRow], sender: Sender, process: Process
) -> list[Outcome]:
    """Send one channel's alerts, oldest first, until it fails or has had its time."""
    line = _lines[rows[0].channel]
    if not line.acquire(blocking=False):
        return []
    outcomes = []
    try:
        until = time.monotonic() + BUDGET_S
        for row in rows:
            outcomes.append(_deliver(db, settings, row, sender, process.owner()))
            if outcomes[-1] is Outcome.PUT_OFF or time.monotonic() > until:
                break
    finally:
        line.release()
    return outcomes


def _deliver(
    db: Database, settings: Settings, row: OutboxRow, sender: Sender, owner: str
) -> Outcome:

    def claim(session: Session) -> Message | None:
        return _message(session, row) if outbox.claim(session, row.id, owner) else None

    message = db.write(claim)
    if message is None:
        return Outcome.TAKEN
    channel = settings.notifications.channels.get(row.channel)
    if channel is None:
        return _give_up(db, row, owner, "the channel is no longer in notifications.yml")
    try:
        sender(row.channel, channel, message)
    except ReelworksError as error:
        return _put_off(db, row, owner, error.message)
    except Exception as error:  # noqa: BLE001 - whatever it was, the next alert goes on
        # Counts as any failure: tried for ever, it would keep the channel from what waits behind
        # it. Where it happened is told, and not what it says: that may hold the address.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("sending to %s broke off:\n%s", row.channel, where)  # noqa: TRY400
        return _put_off(db, row, owner, f"sending broke off with {type(error).__name__}")
    # However long a full disk keeps it from being written down, or a server that is away: else it
    # is sent once more.
    patiently(partial(db.write, partial(_sent, row=row)), away_s=AWAY_S)
    return Outcome.SENT


def _sent(session: Session, row: OutboxRow) -> None:
    outbox.sent(session, row.id)
    said = f"told {row.channel} that it {SAID.get(row.event, row.event)}"
    _note(session, row, "alerted", said)


def _message(session: Session, row: OutboxRow) -> Message:
    if row.job_id is None:
        said = row.message or {"title": row.event, "body": ""}
        return Message(**{key: text for key, text in said.items() if key != "run"})
    return message_for(jobs.view(session, row.job_id), row.event, row.run)


def _note(session: Session, row: OutboxRow, kind: str, sentence: str) -> None:
    """Tell the log of the alert's job, if it is about one."""
    if row.job_id is not None:
        events.add(session, row.job_id, kind, sentence, channel=row.channel)


def _put_off(db: Database, row: OutboxRow, owner: str, reason: str) -> Outcome:
    attempts = row.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        return _give_up(db, row, owner, reason)
    logger.warning("%s", reason)
    wait_s = retry_wait_s(attempts)

    def act(session: Session) -> Outcome:
        retry_at = now(session) + timedelta(seconds=wait_s)
        if not outbox.failed(session, row.id, owner, reason, retry_at):
            return Outcome.TAKEN
        sentence = f"{row.channel} was not told yet, {_again(wait_s)}: {reason}"
        _note(session, row, "alert_put_off", sentence)
        return Outcome.PUT_OFF

    return db.write(act)


def _give_up(db: Database, row: OutboxRow, owner: str, reason: str) -> Outcome:

    def act(session: Session) -> bool:
        ours = outbox.failed(session, row.id, owner, reason, None)
        if ours:
            _note(session, row, "alert_given_up", f"{row.channel} was not told: {reason}")
        return ours

    if not db.write(act):
        return Outcome.TAKEN
    about = "of no job" if row.job_id is None else f"about job {row.job_id}"
    logger.error("an alert %s is given up: %s", about, reason)
    return Outcome.GIVEN_UP


def _again(wait_s: float) -> str:
    return f"again in {wait_s:.0f} s" if wait_s < 120 else f"again in {wait_s / 60:.0f} min"  # noqa: PLR2004


def retry_wait_s(attempts: int) -> float:
    """Choose how long to wait after so many failed attempts, seconds: growing, with jitter."""
    ceiling = min(LAST_RETRY_S, FIRST_RETRY_S * RETRY_GROWTH ** (attempts - 1))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
