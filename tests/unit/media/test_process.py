"""A tool that somebody else ended is told from one that ended by itself."""

from __future__ import annotations

import pytest

from pipeline.media.errors import TransientMediaError
from pipeline.media.process import run


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
