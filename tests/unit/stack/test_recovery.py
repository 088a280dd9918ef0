"""What follows a death of the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.settings.load import Settings
from pipeline.stack import recovery, valkey


def test_after_a_death_of_the_broker_lost_messages_are_sent_again_a_little_later(
    configured: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, False, True])
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(valkey, "answers", lambda _: next(answers))
    monkeypatch.setattr(recovery, "LOOK_S", 0.0)
    monkeypatch.setattr(recovery, "send_reconcile", lambda **facts: asked.append(facts))
    assert recovery.mend_broker(configured("paths: {state: ./state}")) is None
    assert asked == [{"worker_began": True, "in_s": 6.0}]
