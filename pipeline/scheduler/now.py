"""Run one entry now, through the broker, as beat would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError
from kombu.utils.url import maybe_sanitize_url, url_to_parts

from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.scheduler.entries import (
    BUILT_IN,
    BUILT_INS,
    FROM_YAML,
    QUEUES,
    arguments,
    task_name,
)
from pipeline.settings import addresses
from pipeline.settings.errors import nearest
from pipeline.tasks.timed import ROW

if TYPE_CHECKING:
    from pipeline.settings.load import Settings
    from pipeline.settings.schedules import ScheduleEntry


def run_now(settings: Settings, name: str) -> str:
    """Send the task of one entry now, also of a disabled one; returns the task's id.

    Raises `ReelworksError`: `usage` when there is no such entry, `unreachable` when the broker
    does not answer.
    """
    entry = find_entry(settings, name)
    try:
        sent = app.send_task(
            task_name(entry),
            kwargs=arguments(entry),
            queue=QUEUES[entry.task],
            headers={ROW: full_name(name)},
            ignore_result=True,
        )
    except (OperationalError, OSError) as error:
        raise _unreachable(settings, error) from error
    return str(sent.id)


def find_entry(settings: Settings, name: str) -> ScheduleEntry:
    """Give the entry of this name. Raises `ReelworksError` (`usage`) naming the nearest one."""
    entries = {**settings.schedules, **BUILT_INS}
    if name not in entries:
        raise ReelworksError("usage", f"There is no schedule {name!r}.", nearest(name, entries))
    return entries[name]


def full_name(name: str) -> str:
    """Name the row of beat of an entry of ours."""
    return f"{BUILT_IN if name in BUILT_INS else FROM_YAML}{name}"


def _unreachable(settings: Settings, error: Exception) -> ReelworksError:
    address = addresses.broker_url(settings)
    reason, password = str(error) or type(error).__name__, url_to_parts(address).password
    if password:
        reason = reason.replace(password, "**")
    return ReelworksError(
        "unreachable",
        f"The broker at {maybe_sanitize_url(address)} can't be reached: {reason}",
        "Start the system with `reelworks up`, or correct `broker` in pipeline.yml.",
    )
