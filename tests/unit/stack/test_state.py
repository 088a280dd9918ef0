"""One running system a state folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import ReelworksError
from pipeline.stack.state import held, is_held


def test_a_second_system_is_refused_at_once_and_told_who_runs(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        held(tmp_path, patience_s=60),
        pytest.raises(ReelworksError) as raised,
        held(tmp_path, patience_s=60),
    ):
        pass
    assert raised.value.code == "already_running"
    assert str(tmp_path) in raised.value.message
    assert time.monotonic() - began < 10


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with held(tmp_path, patience_s=0):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    with held(tmp_path, patience_s=0):
        pass


def test_what_a_killed_system_left_running_is_waited_for(tmp_path: Path) -> None:
    with held(tmp_path, patience_s=0) as lock:
        straggler = subprocess.Popen(["sleep", "0.5"], pass_fds=(lock,))
    (tmp_path / "up.lock").write_text(f"{a_dead_process()}\n")
    with held(tmp_path, patience_s=20):
        assert straggler.wait(1) == 0


def test_a_straggler_that_stays_is_not_waited_for_longer_than_said(tmp_path: Path) -> None:
    with held(tmp_path, patience_s=0) as lock:
        straggler = subprocess.Popen(["sleep", "600"], pass_fds=(lock,))
    (tmp_path / "up.lock").write_text(f"{a_dead_process()}\n")
    try:
        with pytest.raises(ReelworksError, match="already"), held(tmp_path, patience_s=0.2):
            pass
    finally:
        straggler.kill()
        straggler.wait()


def a_dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    return ended.pid
