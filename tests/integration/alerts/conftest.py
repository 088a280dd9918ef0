"""Channels that count what they are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.alerts import send as sending
from tests.integration.alerts.receiver import Receiver, receiver


@pytest.fixture
def inbox() -> Iterator[Receiver]:
    """One channel on this machine."""
    with receiver() as running:
        yield running


@pytest.fixture
def other_inbox() -> Iterator[Receiver]:
    """Another channel."""
    with receiver() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a second for a channel instead of ten, and two in all."""
    monkeypatch.setattr(sending, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(sending, "LIMIT_S", 2.0)
