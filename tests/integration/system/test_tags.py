"""A file that needs a tag waits until a worker that has it is started, and is encoded by that."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.media import make_clip
from tests.system import System, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack
#: Long enough for an idle worker to have taken what it was to take, seconds.
IDLE_S = 2.0


def encodes(system: System, name: str) -> set[str]:
    found = system.jobs_of(name)
    return {step["state"] for job in found for step in job["steps"] if step["kind"] == "rendition"}


def test_only_a_worker_with_the_tag_encodes_what_needs_it(system: System, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=1, size="320x240", seed=77)
    (system.inbox / "needs.mp4.yml").write_text("needs: big-disk\n")
    system.drop(clip, "needs.mp4")
    eventually(lambda: encodes(system, "needs.mp4"), "it to be planned")
    other = make_clip(tmp_path / "o.mp4", seconds=1, size="320x240", seed=78)
    system.drop(other, "plain.mp4")
    assert system.ended("plain.mp4")["state"] == "succeeded"
    time.sleep(IDLE_S)
    assert encodes(system, "needs.mp4") == {"waiting"}
    figures = httpx.get(f"{system.web}/metrics", timeout=30).text
    assert 'reelworks_tagged_waiting{tag="big-disk"} 1.0' in figures
    assert 'reelworks_tagged_slots{tag="big-disk"} 0.0' in figures
    with (tmp_path / "tagged.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "worker", "encode", "--tags", "big-disk"],
            env={**system.environment, "REMAP_SIGTERM": "SIGQUIT"},
            cwd=system.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        assert system.ended("needs.mp4")["state"] == "succeeded"
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
