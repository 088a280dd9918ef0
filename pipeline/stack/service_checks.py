"""Do broker, result backend and database answer?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from pipeline.app import app, broker_problem, broker_refusal
from pipeline.history import schema, workers
from pipeline.history.database import Database
from pipeline.settings import addresses
from pipeline.stack import valkey
from pipeline.stack.checkup import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings

#: How long the broker may take to answer, seconds.
ANSWER_S = 5
#: RabbitMQ closes the channel of who has not acknowledged for this long, unless set otherwise.
CONSUMER_TIMEOUT = timedelta(minutes=30)


def broker(settings: Settings) -> Iterator[Finding]:
    """Connect to the broker; our own need not run, only be there."""
    if addresses.broker_is_embedded(settings):
        program = valkey.program(settings)
        runs = "running" if valkey.answers(settings) else "not running: `reelworks up` starts it"
        yield Finding("broker", "ok", f"embedded, {runs}; {program}")
        return
    shown, problem = broker_problem(ANSWER_S)
    refused = broker_refusal()
    if refused is not None:
        yield Finding("broker", "failed", f"{shown}: {refused.message}", refused.hint)
        return
    if problem is not None:
        hint = "Start it, or correct `broker` in pipeline.yml or REELWORKS_BROKER."
        yield Finding("broker", "failed", f"{shown} does not answer: {problem}", hint)
        return
    yield Finding("broker", "ok", f"{shown} answers")
    if shown.startswith(("amqp", "pyamqp")):
        yield _consumer_timeout(settings)


def _consumer_timeout(settings: Settings) -> Finding:
    """Tell of RabbitMQ's limit on unacknowledged work, which AMQP has no way of asking for."""
    deadline = settings.pipeline.limits.deadline
    milliseconds = round(deadline.total_seconds() * 1000)
    if deadline <= CONSUMER_TIMEOUT:
        return Finding("consumer_timeout", "ok", "jobs end before RabbitMQ's own default")
    return Finding(
        "consumer_timeout",
        "warning",
        "RabbitMQ gives work to somebody else when it takes longer than its consumer_timeout "
        "(30 minutes unless set), and does not tell how long that is",
        f"See that rabbitmq.conf has at least: consumer_timeout = {milliseconds} "
        "(`limits.deadline`).",
    )


def tags(settings: Settings) -> Iterator[Finding]:
    """See whether each tag that folders or profiles ask for is one of a worker's that is there.

    Where no worker runs at all, nothing can be said. Raises `DatabaseUnreachable`.
    """
    folders = {folder.needs for folder in settings.pipeline.watch}
    asked = folders | {profile.needs for profile in settings.profiles.values()}
    url = make_url(addresses.database_url(settings))
    fresh = url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    if fresh or asked == {None}:
        return
    opened = Database(addresses.database_url(settings))
    try:
        if not schema.is_current(opened):
            return
        with opened.read() as session:
            there, known = workers.tags_present(session), bool(workers.present(session))
    finally:
        opened.dispose()
    for tag in sorted(one for one in asked if one and known):
        if tag in there:
            yield Finding("tags", "ok", f"a worker with the tag {tag} is there")
        else:
            hint = f"Start one where it may be encoded: `reelworks worker encode --tags {tag}`."
            yield Finding("tags", "warning", f"no worker with the tag {tag} is there", hint)


def results(settings: Settings) -> Iterator[Finding]:
    """Ask the result backend for a result that nobody made."""
    if addresses.results_is_embedded(settings):
        yield Finding("results", "ok", "embedded, with the broker")
        return
    kind = settings.pipeline.results.partition("://")[0]
    if kind == "rpc":
        yield Finding("results", "ok", "rpc, over the broker")
        return
    try:
        app.backend.get_task_meta("reelworks-doctor", cache=False)
    except Exception as problem:  # noqa: BLE001 - every backend raises errors of its own
        hint = "Start it, or correct `results` in pipeline.yml or REELWORKS_RESULTS."
        yield Finding("results", "failed", f"{kind} does not answer: {problem}", hint)
        return
    yield Finding("results", "ok", f"{kind} answers")


def database(settings: Settings) -> Iterator[Finding]:
    """Connect, and see whether the tables have this release's shape.

    Raises `DatabaseUnreachable`.
    """
    url = make_url(addresses.database_url(settings))
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield Finding("database", "ok", f"{shown} is made at the first start")
        return
    opened = Database(addresses.database_url(settings))
    full = opened.lacks_room()
    try:
        current, empty = schema.is_current(opened), schema.is_empty(opened)
    finally:
        opened.dispose()
    if full is not None:
        yield Finding("database", "failed", full.message, full.hint)
    elif current:
        yield Finding("database", "ok", f"{shown} answers, its tables are up to date")
    elif empty:
        yield Finding("database", "ok", f"{shown} answers, its tables are made at the first start")
    else:
        later = "Starting any part brings them up to date."
        yield Finding("database", "warning", f"{shown} has tables of another release", later)
