"""How a step asks Celery to be tried again."""

from __future__ import annotations

from typing import Any

import pytest
from celery.exceptions import Retry

from pipeline.errors import ReelworksError
from pipeline.tasks.probe import probe
from pipeline.tasks.step import StepFailed, _retry

ERROR = ReelworksError("timeout", "It took too long.")


@pytest.mark.parametrize(("wait_s", "sent"), [(0.4, 1), (1.0, 1), (5.2, 6)])
def test_it_waits_at_least_as_long_in_whole_seconds(
    wait_s: float, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def retry(**wishes: Any) -> Retry:
        asked.update(wishes)
        return Retry("again", when=wishes["countdown"])

    monkeypatch.setattr(probe, "retry", retry)
    raised = _retry(probe, ERROR, wait_s, 4)
    assert isinstance(raised, Retry)
    assert (asked["countdown"], asked["max_retries"], asked["throw"]) == (sent, 4, False)
    assert isinstance(asked["exc"], StepFailed)
