"""Who hears of what."""

from __future__ import annotations

from pipeline.alerts.rules import channels_for
from pipeline.settings.notifications import Notifications

ALL = Notifications.model_validate(
    {
        "channels": {
            "team": {"url": "json://a"},
            "boss": {"url": "json://b", "on": ["succeeded"]},
            "log": {"url": "json://c", "on": ["succeeded", "failed", "expired", "cancelled"]},
        }
    }
)


def test_a_channel_hears_of_failures_and_expiry_unless_it_says_otherwise() -> None:
    assert channels_for(ALL, "failed") == ("team", "log")
    assert channels_for(ALL, "expired") == ("team", "log")


def test_a_channel_hears_only_of_what_it_names() -> None:
    assert channels_for(ALL, "succeeded") == ("boss", "log")
    assert channels_for(ALL, "cancelled") == ("log",)


def test_without_channels_nobody_hears_of_anything() -> None:
    assert channels_for(Notifications(), "failed") == ()
