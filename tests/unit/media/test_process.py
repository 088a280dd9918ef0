"""A tool that somebody else ended is told from one that ended by itself."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.media.errors import TransientMediaError
from pipeline.media.fence import Fence
from pipeline.media.process import Progress, advance, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_tool_that_was_killed_may_be_tried_again(signal: str) -> None:
    with pytest.raises(TransientMediaError) as caught:
        run(["sh", "-c", f"kill -{signal} $$"])
    assert caught.value.code == "killed"
    assert caught.value.message.startswith("sh was killed by signal")


def test_a_crash_is_the_tools_own_answer() -> None:
    assert run(["sh", "-c", "kill -SEGV $$"]).returncode == -11


def test_a_bad_end_is_the_tools_own_answer() -> None:
    assert run(["sh", "-c", "exit 3"]).returncode == 3


@pytest.mark.parametrize("end", [0, 3])
def test_what_is_removed_while_a_tool_writes_it_is_made_again(tmp_path: Path, end: int) -> None:
    out = tmp_path / "work" / "out.mp4"
    out.parent.mkdir()
    # Told through the progress, so that no right to remove anything is needed inside the fence.
    words = ["sh", "-c", f"echo half > {out}; echo frame=1; sleep 0.3; exit {end}"]
    with pytest.raises(TransientMediaError, match="removed while it was being written") as caught:
        run(words, fence=Fence(writes=(out,)), on_output=lambda _: shutil.rmtree(out.parent))
    assert caught.value.code == "output_gone"


def test_what_could_not_be_begun_is_no_output_that_was_removed(tmp_path: Path) -> None:
    out = tmp_path / "absent" / "out.mp4"
    assert run(["sh", "-c", "exit 3"], fence=Fence(writes=(out,))).returncode == 3


def test_a_clock_that_rises_before_zero_is_movement_too() -> None:
    first = advance(Progress(), "out_time_us=-99994000000")
    assert (first.moved, first.out_time_s) == (False, 0.0)
    assert not advance(first, "out_time_us=-99994000000").moved
    later = advance(first, "out_time_us=-99993000000")
    assert (later.moved, later.out_time_s) == (True, 0.0)
