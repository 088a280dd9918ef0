"""`notifications.yml`: who hears of what."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from pipeline.settings.errors import BadValue
from pipeline.settings.values import Part

AlertEvent = Literal["succeeded", "failed", "expired", "cancelled", "damaged", "waiting", "digest"]
#: What every address of Apprise begins with; which kinds there are, only Apprise knows.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+.*", re.DOTALL)


class Channel(Part):
    """One channel: an Apprise address, and the events it hears of."""

    url: SecretStr
    on: Annotated[tuple[AlertEvent, ...], Field(min_length=1)] = (
        *("failed", "expired", "damaged", "waiting"),
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: SecretStr) -> SecretStr:
        if not _ADDRESS.fullmatch(url.get_secret_value()):
            hint = "Write one like mailto://…, slack://…, tgram://… or json://host/path."
            raise BadValue("is not an address of Apprise", hint)
        return url

    @field_validator("on")
    @classmethod
    def _each_once(cls, events: tuple[AlertEvent, ...]) -> tuple[AlertEvent, ...]:
        return tuple(dict.fromkeys(events))


def _none_is_no_channel(value: object) -> object:
    return {} if value is None else value


class Notifications(Part):
    """The whole of `notifications.yml`."""

    channels: Annotated[dict[str, Channel], BeforeValidator(_none_is_no_channel)] = Field(
        default_factory=dict
    )
