"""A worker that hangs when it is told to stop ends all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.app import celery_settings
from pipeline.last_resort import BEYOND_GRACE_S, killed_after_s
from pipeline.settings.load import load_settings

ROOT = Path(__file__).parents[2]

HANGING = """
import io, os, signal, sys
from pipeline.last_resort import end_within

def hang(*_):
    os.read(os.pipe()[0], 1)

signal.signal(signal.SIGTERM, hang)
sys.stderr = io.StringIO()  # as in a worker of Celery: it is no file
end_within(0.5)
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_worker_that_hangs_over_its_end_ends_and_says_where_it_hung() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], check=False, text=True, capture_output=True
    )
    assert ended.returncode == 1
    assert "in hang" in ended.stderr


def test_one_that_ends_by_itself_is_left_alone() -> None:
    ending = HANGING.replace("os.read(os.pipe()[0], 1)", "raise SystemExit(7)")
    ended = subprocess.run([sys.executable, "-c", ending], check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (7, b"")


def test_work_is_waited_for_as_long_as_its_grace_and_whoever_gives_it_back_is_not_killed() -> None:
    settings = load_settings(ROOT / "config", environ={})
    grace_s = settings.pipeline.workers.stop_grace.total_seconds()
    assert celery_settings(settings)["worker_soft_shutdown_timeout"] == grace_s
    assert killed_after_s(grace_s) > grace_s + BEYOND_GRACE_S
