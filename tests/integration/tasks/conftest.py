"""What tests of single tasks share: messages and jobs that go nowhere."""

from __future__ import annotations

import pytest

from pipeline.app import app
from pipeline.tasks import control


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing reaches a broker: the names of the tasks that would have been sent."""
    names: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: names.append(name))
    return names


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of jobs that were published, instead of publishing them."""
    ids: list[str] = []
    monkeypatch.setattr(control, "launch", ids.append)
    monkeypatch.setattr("pipeline.tasks.finalise._wake_notifier", lambda: None)
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(control, "queue_depth", lambda _queue: 0)
    return ids
