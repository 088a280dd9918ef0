"""`reelworks demo`: one file through a private system, and the exit status tells how it went."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stack.conftest import ROOT, write_configuration

pytestmark = pytest.mark.stack

ENDED_WITHIN_S = 180


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    write_configuration(tmp_path / "config")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "REELWORKS_CONFIG": str(tmp_path / "config"), "PYTHONPATH": path}


def start(environment: dict[str, str], folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "demo", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_generated_clip_goes_all_the_way(environment: dict[str, str], tmp_path: Path) -> None:
    demo = start(environment, tmp_path)
    said, _ = demo.communicate(timeout=ENDED_WITHIN_S)
    assert demo.returncode == 0, said
    results = dict(line.split(maxsplit=1) for line in said.splitlines() if line.startswith("  "))
    for name in ("poster", "HLS", "DASH", "144p"):
        assert Path(results[name]).is_file(), said
    assert re.search(r"^rendition .*144p.*: done$", said, re.MULTILINE), said


def test_a_file_that_is_no_video_fails_with_a_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    text = tmp_path / "holiday.mp4"
    text.write_text("Dear diary\n" * 100)
    demo = start(environment, tmp_path, str(text))
    said, _ = demo.communicate(timeout=ENDED_WITHIN_S)
    assert demo.returncode == 1, said
    assert "The job failed in probe" in said
    assert text.exists()


def test_a_file_that_is_not_there_starts_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    demo = start(environment, tmp_path, "nowhere.mp4")
    said, _ = demo.communicate(timeout=ENDED_WITHIN_S)
    assert demo.returncode == 2
    assert "nowhere.mp4" in said
    assert not (tmp_path / "media").exists()


def test_ctrl_c_stops_it_cleanly(environment: dict[str, str], tmp_path: Path) -> None:
    demo = start(environment, tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("Dropped"):
            break
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=ENDED_WITHIN_S)
    assert demo.returncode == 1
    assert "Stopped before the job was done." in said
    assert "Traceback" not in said
