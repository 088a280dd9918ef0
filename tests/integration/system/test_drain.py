"""`reelworks drain`: what a machine's workers have is ended there, and nothing more is taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.media import make_clip
from tests.system import System, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack
#: Long enough for an idle worker to have taken what it was to take, seconds.
IDLE_S = 3.0


@pytest.fixture
def drained(system: System) -> Iterator[None]:
    """Whatever a test does, the workers of the shared system take work again after it."""
    yield
    system.cli("drain", "encode", "--undo")


def encode_states(system: System, name: str) -> set[str]:
    (job,) = system.jobs_of(name)
    return {step["state"] for step in job["steps"] if step["kind"] == "rendition"}


def test_a_drained_worker_ends_its_encode_and_takes_no_other(
    system: System, drained: None, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=4, size="640x360")
    system.drop(clip, "in-hand.mp4", folder="slow")
    system.encoding("in-hand.mp4")
    said = system.cli("drain", "encode")
    assert "drained" in said.stdout
    assert " (drained)" in system.cli("status").stdout
    assert encode_states(system, "in-hand.mp4") == {"done"}
    ended = system.ended("in-hand.mp4")
    assert {step["attempts"] for step in ended["steps"]} == {1}

    other = make_clip(tmp_path / "b.mp4", seconds=1, size="320x240", seed=41)
    system.drop(other, "waits.mp4")
    eventually(
        lambda: encode_states(system, "waits.mp4") if system.jobs_of("waits.mp4") else None,
        "the other to be planned",
    )
    time.sleep(IDLE_S)
    assert encode_states(system, "waits.mp4") == {"waiting"}
    figures = httpx.get(f"{system.web}/metrics", timeout=30).text
    assert "reelworks_encode_waiting 1.0" in figures
    assert "reelworks_encode_busy 0.0" in figures
    system.cli("drain", "encode", "--undo")
    assert system.ended("waits.mp4")["state"] == "succeeded"


def test_a_host_without_workers_is_told_to_have_none(system: System) -> None:
    said = system.cli("drain", "--host", "nowhere", check=False)
    assert said.returncode == 3
    assert "No worker answers on nowhere." in said.stderr
