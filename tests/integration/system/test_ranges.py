"""One file is encoded by two workers at once, and one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.media import make_clip, tools
from tests.system import System, eventually, running_system

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL

pytestmark = pytest.mark.stack
SECONDS, RATE = 44, 25
#: An ffmpeg whose ranges wait until somebody lets them go on.
WRAPPER = """#!{python} -IS
import os, re, sys, time
while re.search(r"/00\\d[.]\\d+[.]tmp", " ".join(sys.argv)) and not os.path.exists({go!r}):
    time.sleep(0.1)
os.execv({ffmpeg!r}, [{ffmpeg!r}, *sys.argv[1:]])
"""


def parts(system: System, name: str) -> list[dict[str, Any]]:
    (job,) = system.jobs_of(name)
    return [step for step in job["steps"] if step["kind"] == "range"]


def waiting_ffmpeg(root: Path, go: Path) -> Callable[[Path], None]:
    """Give what puts such an ffmpeg into a system's configuration; its ranges wait for `go`."""
    program = root / "ffmpeg"
    text = WRAPPER.format(python=sys.executable, go=str(go), ffmpeg=str(tools().ffmpeg))
    program.write_text(text)
    program.chmod(0o755)

    def adapt(config: Path) -> None:
        pipeline = yaml.safe_load((config / "pipeline.yml").read_text())
        changed = {**pipeline, "tools": {"ffmpeg": str(program)}}
        (config / "pipeline.yml").write_text(yaml.safe_dump(changed))
        quick = {"video": {"preset": "ultrafast", "ladder": [72, 36]}}
        (config / "profiles.yml").write_text(yaml.safe_dump({"quick": quick, "slow": quick}))

    return adapt


def test_a_killed_worker_loses_its_range_of_a_file_and_no_other(
    tmp_path: Path, server_database: URL | None
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=SECONDS, size="128x72", rate=str(RATE))
    root = tmp_path / "system"
    root.mkdir()
    go = root / "go"
    with running_system(root, server_database, waiting_ffmpeg(root, go)) as system:
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
            eventually(lambda: len(system.encoders()) == 2, "both workers to announce themselves")
            system.drop(clip, "film.mp4")
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
            go.touch()
        job = system.ended("film.mp4")
        assert job["state"] == "succeeded", job["error"]
        assert sorted(step["attempts"] for step in parts(system, "film.mp4")) == [1, 2]
        renditions = job["outputs"]["renditions"]
        assert [one["frames"] for one in renditions] == [SECONDS * RATE] * 2
        assert system.cli("verify", job["id"][:8]).returncode == 0
