"""Can alerts be sent, and is one owed that a channel did not take?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from pipeline.alerts.check import wrong_channels
from pipeline.history import outbox, schema
from pipeline.history.database import Database
from pipeline.settings import addresses
from pipeline.stack.checkup import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings


def channels(settings: Settings) -> Iterator[Finding]:
    """See that Apprise can use every channel's address; nothing is sent."""
    wrong = wrong_channels(settings)
    for mistake in wrong:
        yield Finding("channels", "failed", mistake.message, mistake.hint)
    if not wrong:
        count = len(settings.notifications.channels)
        yield Finding("channels", "ok", f"{count} configured; `reelworks notify test` tries them")


def owed(settings: Settings) -> Iterator[Finding]:
    """Count the alerts that were not delivered yet. Raises `DatabaseUnreachable`."""
    address = addresses.database_url(settings)
    url = make_url(address)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return
    opened = Database(address)
    try:
        if not schema.is_current(opened):
            return
        with opened.read() as session:
            count = outbox.pending(session)
    finally:
        opened.dispose()
    if count:
        hint = "`reelworks logs ID` tells why of a job; `reelworks notify test` tries the channels."
        yield Finding("alerts", "warning", f"{count} not delivered yet", hint)
    else:
        yield Finding("alerts", "ok", "none is owed")
