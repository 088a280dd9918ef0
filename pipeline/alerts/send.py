"""Deliver one message to one channel through Apprise."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.errors import TransientError

if TYPE_CHECKING:
    from pipeline.alerts.messages import Message
    from pipeline.settings.notifications import Channel

#: How long a channel may take to connect and to answer, seconds each.
TIMEOUT_S = 15


class DeliveryFailed(TransientError):
    """A channel did not take a message. Never shows the channel's address: it holds secrets."""

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(
            "not_delivered",
            f"The channel {channel!r} did not take the message: {reason}.",
            "Try it with `reelworks notify test`; its address is in notifications.yml.",
        )


def send(name: str, channel: Channel, message: Message) -> None:
    """Deliver the message. Raises `DeliveryFailed`."""
    import apprise

    # Apprise logs addresses with their secrets when it complains; we say what can be said.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    target = apprise.Apprise.instantiate(_with_timeouts(channel.url.get_secret_value()))
    if target is None:
        raise DeliveryFailed(name, "its address is of no kind that Apprise knows")
    try:
        taken = target.notify(title=message.title, body=message.body)
    except TypeError as error:
        raise DeliveryFailed(name, "its address is not complete") from error
    if not taken:
        scheme = urlsplit(channel.url.get_secret_value()).scheme
        raise DeliveryFailed(name, f"the service behind {scheme}:// refused it or did not answer")


def _with_timeouts(url: str) -> str:
    """Bound how long Apprise waits, unless the address says so itself (cto and rto, seconds)."""
    if "cto=" in url or "rto=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}cto={TIMEOUT_S}&rto={TIMEOUT_S}"
