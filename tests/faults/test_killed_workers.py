"""Nothing is lost when a worker is killed: the job succeeds, once, and nothing is left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.media import make_clip
from tests.system import System, command_lines, eventually

pytestmark = pytest.mark.stack


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    found = []
    for other in command_lines():
        try:
            stat = Path(f"/proc/{other}/stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(other)
    return found


def worker_of(system: System, role: str) -> int:
    """Find the main process of a role: the one whose parent does not serve the same role."""
    pids = system.processes("worker", role)
    inner = {child for pid in pids for child in children(pid)}
    (main,) = [pid for pid in pids if pid not in inner and "setpriv" not in command_lines()[pid]]
    return main


def assert_succeeded_once(system: System, name: str, job: dict[str, Any]) -> None:
    ended = system.ended(name)
    assert (ended["id"], ended["state"]) == (job["id"], "succeeded")
    assert len(system.jobs_of(name)) == 1
    attempts = {s["name"]: s["attempts"] for s in ended["steps"] if s["kind"] == "rendition"}
    assert set(attempts.values()) == {2}
    assert len(system.alerts.about(name)) <= 1
    eventually(lambda: system.alerts.about(name), "the alert")
    assert len(system.alerts.about(name)) == 1
    media = system.root / "media"
    assert list(media.rglob("*.tmp*")) == []
    eventually(lambda: not (media / "work" / job["id"]).exists(), "the work to go")
    assert system.processes("ffmpeg", job["id"]) == []


@pytest.mark.parametrize("victim", ["main", "child"])
def test_kill_9_of_the_encode_worker_loses_nothing(
    system: System, tmp_path: Path, victim: str
) -> None:
    name = f"killed-{victim}.mp4"
    clip = make_clip(tmp_path / "c.mp4", seconds=5, size="960x540", seed=ord(victim[0]))
    system.drop(clip, name, folder="slow")
    job = system.encoding(name)
    encoders = system.processes("ffmpeg", job["id"])
    assert encoders
    main = worker_of(system, "encode")
    (child,) = [pid for pid in children(main) if set(children(pid)) & set(encoders)]
    kill(main if victim == "main" else child)
    eventually(
        lambda: not set(encoders) & set(command_lines()), "ffmpeg to die with its worker", 10
    )
    assert_succeeded_once(system, name, job)
