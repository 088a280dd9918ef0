"""A watermark that is not there fails the job before it waits for an encoder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline import workflows
from pipeline.settings.profiles import WatermarkSettings
from pipeline.tasks.control import reconcile
from pipeline.tasks.step import StepFailed
from tests.integration.tasks.journeys import do, renditions, state, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.models import Job


def test_a_watermark_that_is_gone_fails_the_probe_and_once_it_is_back_a_retry_goes_on(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logo = tmp_path / "logo.png"
    marked = ready.settings.profile("quick").model_copy(
        update={"watermark": WatermarkSettings(file=logo)}
    )
    changed = replace(ready.settings, profiles={**ready.settings.profiles, "quick": marked})
    monkeypatch.setitem(ready.__dict__, "settings", changed)
    job = submitted(tmp_path / "clip.mp4", new_job)
    with pytest.raises(StepFailed, match=r"watermark .*logo\.png is not there"):
        do(ready, job, "probe")
    reconcile()
    assert state(ready, job) == ("failed", "watermark_gone")
    logo.write_bytes(b"")
    monkeypatch.setattr(workflows, "launch", lambda _: True)
    workflows.retry(job.id)
    do(ready, job, "probe")
    assert renditions(ready, job)
