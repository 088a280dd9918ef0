"""Check: whether the addresses of channels are such as Apprise can use; nothing is sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.alerts.send import likely_kind, wrong_address
from pipeline.settings.document import read_document
from pipeline.settings.load import NOTIFICATIONS

if TYPE_CHECKING:
    from pipeline.settings.errors import ConfigurationError
    from pipeline.settings.load import Settings

HINT = "https://appriseit.com lists the services and what their addresses look like."


def wrong_channels(settings: Settings) -> list[ConfigurationError]:
    """List the channels with an address that Apprise knows no use of, each with its line."""
    file = settings.config_dir / NOTIFICATIONS
    document = read_document(file, os.environ, settings.root)
    found = []
    for name, channel in settings.notifications.channels.items():
        problem = wrong_address(channel)
        if problem is not None:
            # The value is not shown: it holds secrets.
            hint = f"{likely_kind(channel)} {HINT}".strip()
            found.append(document.error(("channels", name, "url"), problem, None, hint))
    return found
