"""How long a failed alert waits."""

from __future__ import annotations

import random

import pytest

from pipeline.alerts.outbox import FIRST_RETRY_S, LAST_RETRY_S, MOST_ATTEMPTS, retry_wait_s
from pipeline.alerts.send import LIMIT_S
from pipeline.history.outbox import SEND_LEASE

HOUR_S = 3600.0


def test_waits_grow_up_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    waits = [retry_wait_s(attempt) for attempt in range(1, MOST_ATTEMPTS)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (FIRST_RETRY_S, LAST_RETRY_S)
    assert sum(waits) < 24 * HOUR_S


def test_an_alert_outlives_an_outage_of_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)
    assert sum(retry_wait_s(attempt) for attempt in range(1, MOST_ATTEMPTS)) > 8 * HOUR_S


def test_waits_are_spread() -> None:
    assert len({retry_wait_s(3) for _ in range(20)}) > 1


def test_a_send_ends_before_somebody_else_may_try() -> None:
    assert SEND_LEASE.total_seconds() > 2 * LIMIT_S
