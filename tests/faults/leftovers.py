"""What nobody may leave behind: leases, locks, messages, tools that run, unfinished files."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kombu import Connection
from sqlalchemy import select, text

from pipeline.history.database import now
from pipeline.models import Attempt, Job, OutboxRow, ScheduleRun, Step, StepState
from pipeline.queues import MAX_PRIORITY, task_queues

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests.faults.site import Site

#: How long a message may wait for who takes it when all jobs have ended, seconds: what is sent by
#: the clock comes each few seconds, and is gone as soon.
TAKEN_S = 45.0
LOOK_S = 0.5
#: How long a session may be idle within its transaction, seconds.
IDLE_S = 10
#: Names that mark a file as unfinished.
UNFINISHED = ("*.tmp*", "*.part")
#: All that a state folder holds.
STATE = re.compile(
    r"flower-password|logs|valkey(?:\.sock)?|(?:up|workers|beat)\.lock|beat\.migrating"
    r"|reelworks\.db(?:-wal|-shm|-journal|\.migrating|\.last-full)?"
)
#: What Valkey writes before it takes its place.
VALKEY = "temp-*"
#: Where the tags of the systems under test are named: see `tests.system.write_config`.
TAGS = ("big-disk",)


def leases(session: Session) -> list[str]:
    """Say what is still held, or has no end; of runs by the clock, those nobody holds."""
    at = now(session)
    queries: dict[str, Any] = {
        "steps are running": select(Step).where(Step.state == StepState.RUNNING),
        "steps have a lease": select(Step).where(Step.lease_until.is_not(None)),
        "attempts have no end": select(Attempt).where(Attempt.finished_at.is_(None)),
        "sources are held": select(Job).where(Job.settle_until > at),
        "ended jobs say who settles them": select(Job).where(
            Job.settled_at.is_not(None) & Job.settle_owner.is_not(None)
        ),
        "alerts are held": select(OutboxRow).where(OutboxRow.lease_until > at),
        "ended runs by the clock have a lease": select(ScheduleRun).where(
            ScheduleRun.finished_at.is_not(None) & ScheduleRun.lease_until.is_not(None)
        ),
    }
    counts = {
        what: len(session.scalars(query.limit(1000)).all()) for what, query in queries.items()
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def unended_runs(session: Session) -> list[str]:
    """Name the runs by the clock that have no end, and that nobody does any more."""
    lapsed = ScheduleRun.finished_at.is_(None) & (ScheduleRun.lease_until < now(session))
    names = session.scalars(select(ScheduleRun.name).where(lapsed))
    return [f"the run of {name} has no end" for name in names]


def locks(session: Session) -> list[str]:
    """See that no session sits on a lock: beat's own is the one that is rightly held."""
    kind = session.get_bind().dialect.name
    if kind == "postgresql":
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            " AND datname = current_database()"
            f" AND now() - state_change > interval '{IDLE_S} seconds'"
        )
        advisory = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    elif kind == "mysql":
        # Without the right to see others' transactions: our own user's processes that sleep.
        idle = (
            "SELECT count(*) FROM information_schema.innodb_trx t JOIN"
            " information_schema.processlist p ON p.id = t.trx_mysql_thread_id"
            f" WHERE p.command = 'Sleep' AND p.time > {IDLE_S}"
        )
        advisory = None
    else:
        return []
    asleep = session.execute(text(idle)).scalar_one()
    found = [f"{asleep} sessions are idle in a transaction"] if asleep else []
    held = session.execute(text(advisory)).scalar_one() if advisory else 0
    return found + ([f"{held} advisory locks are held"] if held > 1 else [])


def messages(address: str, patience_s: float = TAKEN_S) -> list[str]:
    """Name the queues of a broker whose messages nobody takes."""
    redis = is_redis(address)
    queues = [queue.name for queue in task_queues(redis=redis, tags=TAGS)]
    # Redis keeps a list for each priority.
    options = {"priority_steps": list(range(MAX_PRIORITY + 1))} if redis else {}
    with Connection(address, transport_options=options) as connection:
        waiting = never_empty(lambda: _depths(connection, queues), patience_s)
    return [f"{count} messages wait in {name}" for name, count in sorted(waiting.items())]


def is_redis(address: str) -> bool:
    """Whether the address is one of Redis, or of the Valkey of our own."""
    return not address.startswith("amqp")


def never_empty(look: Callable[[], Mapping[str, int]], patience_s: float) -> dict[str, int]:
    """Give the queues that were never seen empty, and the fewest messages that each had."""
    until = time.monotonic() + patience_s
    fewest = dict(look())
    while any(fewest.values()) and time.monotonic() < until:
        time.sleep(LOOK_S)
        fewest = {name: min(count, fewest[name]) for name, count in look().items()}
    return {name: count for name, count in fewest.items() if count}


def _depths(connection: Connection, queues: list[str]) -> dict[str, int]:
    found = {}
    for queue in queues:
        channel: Any = connection.channel()
        try:
            found[queue] = int(channel.queue_declare(queue=queue, passive=True).message_count)
            channel.close()
        except connection.channel_errors:
            found[queue] = 0  # never used
    return found


def files(media: Path, failed: set[str]) -> list[str]:
    """Name unfinished files; `failed` are the jobs whose results are kept for a retry."""
    left = [path for pattern in UNFINISHED for path in media.rglob(pattern)]
    left += (media / "library" / ".staging").glob("*")
    left += [path for path in (media / "work").iterdir() if path.name not in failed]
    left += [path for path in (media / "state").iterdir() if not STATE.fullmatch(path.name)]
    left += (media / "state" / "valkey").glob(VALKEY)
    return [f"{path} is left" for path in sorted(set(left))]


def tools(site: Site) -> list[str]:
    return [f"process {pid}, a tool, still runs" for pid in site.tools()]
