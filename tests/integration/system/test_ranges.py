"""One file is encoded by two workers at once, and one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.history import workers
from pipeline.history.database import Database
from tests.media import make_clip
from tests.system import EMBEDDED, System, eventually, running_system

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

pytestmark = pytest.mark.stack
SECONDS, RATE = 48, 25


def parts(system: System, name: str) -> list[dict[str, Any]]:
    (job,) = system.jobs_of(name)
    return [step for step in job["steps"] if step["kind"] == "range"]


def announced(system: System) -> int:
    address = system.environment.get("REELWORKS_DATABASE", EMBEDDED)
    if address == EMBEDDED:
        address = f"sqlite:///{system.root}/media/state/reelworks.db"
    database = Database(address)
    with database.read() as session:
        found = len(workers.present(session))
    database.dispose()
    return found


def test_a_killed_worker_loses_its_range_of_a_file_and_no_other(
    tmp_path: Path, server_database: URL | None
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, size="640x360", rate=str(RATE))
    root = tmp_path / "system"
    root.mkdir()
    with running_system(root, server_database) as system:
        second = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "worker", "encode", "--concurrency", "1"],
            env=dict(system.environment),
            cwd=system.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            eventually(lambda: announced(system) == 2, "both workers to announce themselves")
            system.drop(clip, "film.mp4", folder="slow")
            eventually(
                lambda: (
                    system.jobs_of("film.mp4")
                    and {step["state"] for step in parts(system, "film.mp4")} == {"running"}
                ),
                "both ranges to be encoded at once",
            )
        finally:
            os.killpg(second.pid, signal.SIGKILL)
            second.wait(60)
        job = system.ended("film.mp4")
        assert job["state"] == "succeeded", job["error"]
        assert sorted(step["attempts"] for step in parts(system, "film.mp4")) == [1, 2]
        assert {one["frames"] for one in job["outputs"]["renditions"]} == {SECONDS * RATE}
        assert system.cli("verify", job["id"][:8]).returncode == 0
