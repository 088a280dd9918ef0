"""What happens to parts, in words."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console

from pipeline.cli.notices import sentence, show
from pipeline.stack.supervisor import Notice, What


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (Notice(What.STARTED, "web", 12), "web started (process 12)"),
        (
            Notice(What.DIED, "web", 12, -signal.SIGKILL, 0.5),
            "web was ended by SIGKILL; started again in 0.5 s",
        ),
        (Notice(What.DIED, "web", 12, 1, 30.0), "web ended with status 1; started again in 30 s"),
        (
            Notice(What.DIED, "web", None, None, 1.0),
            "web could not be started; started again in 1 s",
        ),
        (Notice(What.KILLED, "web", 12), "web did not stop in time and was killed"),
        (Notice(What.MENDED, "web", lines=("all well",)), "web: all well"),
        (Notice(What.FULL, "state", lines=("It is full.", "Free some.")), "It is full. Free some."),
        (Notice(What.ROOM, "state", lines=("There is room.",)), "There is room."),
        (
            Notice(What.NOT_MENDED, "web", lines=("no luck",)),
            "web: what it worked on goes on once its lease has lapsed (no luck)",
        ),
        (Notice(What.STOPPED, "web", 12, 0), ""),
        (Notice(What.STOPPED, "web", 12, -signal.SIGTERM), ""),
        (Notice(What.STOPPED, "web", 12, 1), "web ended with status 1 instead of stopping"),
    ],
)
def test_each_notice_is_a_sentence(notice: Notice, said: str) -> None:
    assert sentence(notice) == said


def test_a_part_that_was_killed_has_left_no_words_about_it() -> None:
    console = Console(file=io.StringIO(), width=40)
    show(console, Notice(What.DIED, "web", 12, -signal.SIGKILL, 0.5, ("all is well",)))
    assert isinstance(console.file, io.StringIO)
    assert "all is well" not in console.file.getvalue()


def test_the_end_of_a_dead_parts_log_is_shown_as_it_is() -> None:
    console = Console(file=io.StringIO(), width=40)
    lines = ("[red]no markup[/]", "a line that is longer than the console is wide, but stays whole")
    for notice in (
        Notice(What.DIED, "web", 12, 1, 0.5, lines),
        Notice(What.STOPPED, "web", 12, 0, lines=("all is well",)),
        Notice(What.STOPPED, "web", 12, 1, lines=lines),
    ):
        show(console, notice)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue().splitlines()
    assert [line for line in shown if line.startswith("  ")] == [f"    {one}" for one in lines * 2]
