"""What tests of single tasks share: messages and jobs that go nowhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.app import app
from pipeline.settings.load import load_settings
from pipeline.settings.rereading import Schedules
from pipeline.tasks import control

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime


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


@pytest.fixture
def windows(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write schedules.yml, as somebody did a while ago: parts have read it again."""

    def written(text: str) -> None:
        folder = ready.settings.config_dir
        (folder / "schedules.yml").write_text(text)
        read = Schedules(load_settings(folder), time.monotonic, time.sleep)
        monkeypatch.setitem(ready.__dict__, "schedules", read)

    return written


@pytest.fixture
def hours(windows: Callable[[str], None]) -> Callable[[int], datetime]:
    """Open the only window so many hours from now, for one hour; gives when it opens."""

    def opens_in(count: int) -> datetime:
        opens = (datetime.now(UTC) + timedelta(hours=count)).replace(second=0, microsecond=0)
        window = f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"
        windows(f'night: {{task: encode, window: "{window}"}}\n')
        return opens

    return opens_in
