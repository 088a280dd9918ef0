"""Run one entry now, through the broker, as beat would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError
from kombu.utils.url import maybe_sanitize_url, url_to_parts

from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.scheduler.entries import BUILT_INS, QUEUES, arguments, task_name
from pipeline.settings import addresses
from pipeline.settings.errors import nearest

if TYPE_CHECKING:
    from pipeline.settings.load import Settings


def run_now(settings: Settings, name: str) -> str:
    """Send the task of one entry now, also of a disabled one; returns the task's id.

    Raises `ReelworksError`: `usage` when there is no such entry, `unreachable` when the broker
    does not answer.
    """
    entries = {**BUILT_INS, **settings.schedules}
    if name not in entries:
        raise ReelworksError("usage", f"There is no schedule {name!r}.", nearest(name, entries))
    entry = entries[name]
    try:
        sent = app.send_task(
            task_name(entry), kwargs=arguments(entry), queue=QUEUES[entry.task], ignore_result=True
        )
    except (OperationalError, OSError) as error:
        raise _unreachable(settings, error) from error
    return str(sent.id)


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
