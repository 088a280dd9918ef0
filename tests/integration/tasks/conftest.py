"""What tests of single tasks share: messages that go nowhere."""

from __future__ import annotations

import pytest

from pipeline.app import app


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing reaches a broker: the names of the tasks that would have been sent."""
    names: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: names.append(name))
    return names
