"""Which channels hear of an event: a pure decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.settings.notifications import Notifications


def channels_for(notifications: Notifications, event: str) -> tuple[str, ...]:
    """Name the channels that hear of a job that ended as `event` (a terminal state)."""
    return tuple(name for name, channel in notifications.channels.items() if event in channel.on)
