"""The inbox that tests of submitting and settling share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.app import app
from tests.integration.ingest.inbox import Inbox

if TYPE_CHECKING:
    from pipeline.app import Runtime


@pytest.fixture
def inbox(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setattr("pipeline.tasks.finalise._wake_notifier", lambda: None)
    made = Inbox(ready)

    def send(name: str, args: tuple[str, ...] = (), **_: Any) -> None:
        made.sent.append((name, args))

    monkeypatch.setattr(app, "send_task", send)
    return made
