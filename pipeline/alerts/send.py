"""Deliver one message to one channel through Apprise."""

from __future__ import annotations

import difflib
import logging
import math
import re
import threading
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.alerts.messages import Message
    from pipeline.settings.notifications import Channel

#: How long a channel may take to connect, and to answer, seconds each.
TIMEOUT_S = 10.0
#: How long a whole delivery may take, seconds. A service that sends a byte now and then never
#: reaches `TIMEOUT_S`; this must stay well below `history.outbox.SEND_LEASE`.
LIMIT_S = 45.0
#: How long one look at it takes, seconds: no more of a pause is counted.
TURN_S = 0.5
#: Loggers that write addresses, with what is secret in them, when they are asked for details.
INDISCREET = ("apprise", "urllib3", "requests")
#: How much of a word must be right for a guess, a share: there are 250 kinds of addresses.
ALIKE = 0.8

_loading = threading.Lock()
_HTTP_STATUS = re.compile(r"\berror\s*=\s*(\d{3})\b")


class DeliveryFailed(TransientError):
    """A channel did not take a message. Never shows the channel's address: it holds secrets.

    `reason` is a clause without a full stop.
    """

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(
            "not_delivered",
            f"The channel {channel!r} did not take the message: {reason}.",
            "Its address is in notifications.yml; `reelworks notify test` tries it.",
        )
        self.reason = reason


def send(name: str, channel: Channel, message: Message) -> None:
    """Deliver the message; returns within `LIMIT_S`. Raises `DeliveryFailed`."""
    failures: list[DeliveryFailed] = []

    def attempt() -> None:
        try:
            _send(name, channel, message)
        except DeliveryFailed as failure:
            failures.append(failure)
        except Exception as error:  # noqa: BLE001 - 150 services, each with mistakes of its own
            # Only the kind of error is told: its text may show the address.
            failures.append(DeliveryFailed(name, f"Apprise stumbled ({type(error).__name__})"))

    # A thread can't be stopped, but one that is a daemon keeps no process from ending.
    thread = threading.Thread(target=attempt, name=f"alert-{name}", daemon=True)
    thread.start()
    if not _ended(thread, LIMIT_S):
        raise DeliveryFailed(name, f"it did not finish within {LIMIT_S:g} seconds")
    if failures:
        raise failures[0]


def _ended(thread: threading.Thread, limit_s: float) -> bool:
    """Wait for a thread, at most so long; time in which this process was paused does not count.

    The service may have taken the message then, and only its answer has not been read.
    """
    for _ in range(math.ceil(limit_s / TURN_S)):
        thread.join(TURN_S)
        if not thread.is_alive():
            return True
    return False


def wrong_address(channel: Channel) -> str | None:
    """Say what is wrong with a channel's address, without showing it; None when nothing is."""
    apprise = _apprise()
    url = channel.url.get_secret_value()
    return _why_no_target(url) if apprise.Apprise.instantiate(url) is None else None


def likely_kind(channel: Channel) -> str:
    """Guess in a sentence what kind of address was meant; empty where nothing is alike.

    Nothing of the address is repeated.
    """
    scheme = urlsplit(channel.url.get_secret_value()).scheme
    if scheme in ("http", "https"):
        return "For a web hook that takes JSON write json://host/path, or jsons:// for HTTPS."
    known = _apprise().NotificationManager().schemas()
    alike = difflib.get_close_matches(scheme, known, n=1, cutoff=ALIKE)
    return f"Did you mean {alike[0]}://?" if alike and alike[0] != scheme else ""


def _send(name: str, channel: Channel, message: Message) -> None:
    apprise = _apprise()
    # One after the other in this thread: Apprise's own threads would outlive the time limit.
    asset = apprise.AppriseAsset(async_mode=False, app_id="Reelworks", app_desc="Reelworks")
    url = channel.url.get_secret_value()
    target = apprise.Apprise.instantiate(url, asset=asset)
    if target is None:
        raise DeliveryFailed(name, _why_no_target(url))
    for limit in ("socket_connect_timeout", "socket_read_timeout"):
        # An address may choose its own (?cto=, ?rto=); what it left at the default is ours.
        if getattr(target, limit) == getattr(type(target), limit):
            setattr(target, limit, TIMEOUT_S)
    said: list[str] = []
    service = apprise.Apprise(asset=asset)
    service.add(target)
    # Told that this is text, Apprise escapes it for channels that show HTML.
    taken = service.notify(
        title=message.title,
        body=message.body,
        notify_type=apprise.NotifyType(message.kind),
        body_format=apprise.NotifyFormat.TEXT,
        log_callback=_listener(said),
    )
    if not taken:
        raise DeliveryFailed(name, _why_not_taken(said))


def _apprise() -> Any:
    """Import Apprise with all its services, once, and keep its secrets out of our logs."""
    with _loading:
        for indiscreet in INDISCREET:
            logger = logging.getLogger(indiscreet)
            logger.setLevel(logging.WARNING)
            logger.propagate = False
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())
        with warnings.catch_warnings():
            # Apprise imports imghdr, which Python 3.11 and 3.12 announce to be leaving.
            warnings.simplefilter("ignore", DeprecationWarning)
            import apprise

            apprise.Apprise.instantiate("json://localhost")
    return apprise


def _listener(said: list[str]) -> Callable[[Any, Any], None]:
    def listen(entry: Any, _service: Any) -> None:
        said.append(str(entry.message))

    return listen


def _why_not_taken(said: list[str]) -> str:
    """Say what went wrong from what Apprise logged: only what can hold no secret is repeated."""
    text = " ".join(said)
    status = _HTTP_STATUS.search(text)
    if status is not None:
        return f"the service answered with HTTP status {status[1]}"
    if "onnection error" in text:
        return "the service can't be reached, or did not answer in time"
    return "the service refused it or did not answer"


def _why_no_target(url: str) -> str:
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in _apprise().NotificationManager():
        return f"its address is not a complete {scheme}:// address"
    return "its address is of no kind that Apprise knows"
