"""`notifications.yml`: who hears of what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from pipeline.settings.values import Part

AlertEvent = Literal["succeeded", "failed", "expired", "cancelled"]


class Channel(Part):
    """One channel: an Apprise address, and the events it hears of."""

    url: SecretStr
    on: Annotated[tuple[AlertEvent, ...], Field(min_length=1)] = ("failed", "expired")


class Notifications(Part):
    """The whole of `notifications.yml`."""

    channels: dict[str, Channel] = Field(default_factory=dict)
