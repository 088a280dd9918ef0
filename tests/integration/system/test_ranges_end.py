"""A job ends, or begins again, while its ranges are encoded: nothing of it is left behind."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import update

from pipeline.history.database import now
from pipeline.models import Job
from tests.media import make_clip, tools
from tests.system import System, eventually, running_system

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

pytestmark = pytest.mark.stack
#: Left for a job to begin its ranges, which takes seconds, on a busy machine too.
DEADLINE = timedelta(seconds=40)
SECONDS, LONGER_S, RATE = 44, 48, 25
#: An ffmpeg that waits while held, and whose ranges wait until they may go on, or fail for good.
WRAPPER = """#!{python} -IS
import os, re, sys, time
while os.path.exists({hold!r}):
    time.sleep(0.1)
if re.search(r"/00\\d[.]\\d+[.]tmp", " ".join(sys.argv)):
    while not os.path.exists({go!r}):
        if os.path.exists({fail!r}):
            sys.exit("Cannot allocate memory")
        time.sleep(0.1)
os.execv({ffmpeg!r}, [{ffmpeg!r}, *sys.argv[1:]])
"""


def adapt(config: Path) -> None:
    """Let two encodes run at once, with such an ffmpeg."""
    root = config.parent
    program = root / "ffmpeg"
    places = {name: str(root / name) for name in ("hold", "go", "fail")}
    text = WRAPPER.format(python=sys.executable, ffmpeg=str(tools().ffmpeg), **places)
    program.write_text(text)
    program.chmod(0o755)
    pipeline = yaml.safe_load((config / "pipeline.yml").read_text())
    changed = {
        **pipeline,
        "tools": {"ffmpeg": str(program)},
        "workers": {"encode": 2, "stop_grace": "2s"},
    }
    (config / "pipeline.yml").write_text(yaml.safe_dump(changed))
    quick = {"video": {"preset": "ultrafast", "ladder": [72, 36]}}
    (config / "profiles.yml").write_text(yaml.safe_dump({"quick": quick, "slow": quick}))


def film(path: Path, *, seconds: float = SECONDS, seed: int) -> Path:
    return make_clip(path, seconds=seconds, size="128x72", rate=str(RATE), seed=seed)


def in_ranges(system: System, name: str) -> dict[str, Any]:
    """Wait until both ranges of a film are encoded at once; gives its job."""

    def look() -> dict[str, Any] | None:
        for job in system.jobs_of(name):
            states = [step["state"] for step in job["steps"] if step["kind"] == "range"]
            if states == ["running"] * 2:
                return job
        return None

    return eventually(look, f"both ranges of {name} to be encoded at once")


def drop_in_a_hurry(system: System, clip: Path, name: str) -> None:
    """Drop a file whose job has less time than `limits.deadline` says, before its ranges begin."""
    hold = system.root / "hold"
    hold.touch()
    system.drop(clip, name)
    (job,) = eventually(lambda: system.jobs_of(name), f"the job of {name}")
    with system.database() as database, database.begin() as session:
        soon = now(session) + DEADLINE
        session.execute(update(Job).where(Job.id == job["id"]).values(deadline_at=soon))
    hold.unlink()


def assert_nothing_runs(system: System, job: dict[str, Any]) -> None:
    """See that its tools end within seconds, leave nothing, and hold nothing."""
    eventually(lambda: not system.processes(job["id"]), "the tools of the job to end", 20)
    work = system.root / "media" / "work" / job["id"]
    # Who ran them removes what they left, a moment after they have ended.
    eventually(lambda: not list(work.glob("*.tmp*")), "what they left to be gone", 20)
    (now,) = [one for one in system.jobs() if one["id"] == job["id"]]
    assert "running" not in {step["state"] for step in now["steps"]}


def alerts(system: System, name: str) -> list[str]:
    return [alert["title"] for alert in system.alerts.about(name)]


def test_a_job_that_ends_while_its_ranges_run_leaves_nothing_and_tells_once(
    tmp_path: Path, server_database: URL | None
) -> None:
    # Of others than in other tests: what a given database knows already makes no job.
    clips = [film(tmp_path / f"{seed}.mp4", seed=seed) for seed in range(71, 75)]
    longer = film(tmp_path / "longer.mp4", seconds=LONGER_S, seed=79)
    root = tmp_path / "system"
    root.mkdir()
    with running_system(root, server_database, adapt) as system:
        eventually(system.encoders, "the encode worker to announce itself")
        system.drop(clips[0], "cancelled.mp4")
        job = in_ranges(system, "cancelled.mp4")
        system.cli("cancel", job["id"][:8])
        assert_nothing_runs(system, job)
        assert system.ended("cancelled.mp4")["state"] == "cancelled"
        assert not (root / "media" / "work" / job["id"]).exists()

        drop_in_a_hurry(system, clips[1], "late.mp4")
        job = in_ranges(system, "late.mp4")
        assert system.ended("late.mp4")["state"] == "expired"
        assert_nothing_runs(system, job)

        system.drop(clips[2], "failing.mp4")
        job = in_ranges(system, "failing.mp4")
        (root / "fail").touch()
        assert system.ended("failing.mp4")["error"]["code"] == "too_large"
        assert_nothing_runs(system, job)
        (root / "fail").unlink()

        system.drop(clips[3], "changing.mp4")
        job = in_ranges(system, "changing.mp4")
        system.drop(longer, "changing.mp4")
        (root / "go").touch()
        job = system.ended("changing.mp4")
        assert job["state"] == "succeeded", job["error"]
        frames = [one["frames"] for one in job["outputs"]["renditions"]]
        assert frames == [LONGER_S * RATE] * 2
        assert_nothing_runs(system, job)

        eventually(lambda: alerts(system, "changing.mp4"), "the last alert")
        assert alerts(system, "late.mp4") == ["late.mp4 expired"]
        assert alerts(system, "failing.mp4") == ["failing.mp4 failed"]
