"""Names of files move no terminal's cursor, turn no text round, and begin no line of a log."""

from __future__ import annotations

import io
import json
import logging
import os
from pathlib import Path

import pytest

from pipeline.cli.say import say_json
from pipeline.printable import PrintableRecord, printable, printable_lines

HOSTILE = "a\x1b[2Jb\nc\u202egpj.mp4"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("clip.mp4", "clip.mp4"),
        ("Ölü 日本 👩‍👩‍👧.mp4", "Ölü 日本 👩‍👩‍👧.mp4"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b1m", "\\x9b1m"),
        ("exe.\u202egpj", "exe.\\u202egpj"),
        ("a\ud800b", "a\\ud800b"),
        ("a\u2028b\udcff", "a\\u2028b\\xff"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_json_is_of_whole_letters(capsys: pytest.CaptureFixture[str]) -> None:
    """Half a letter is none to strict readers; one beyond the first plane has two in JSON."""
    name = os.fsdecode(b"b\xff \\xff \xf0\x9f\x8e\xac.mp4")
    say_json({"name": name, name: [name, 1, None]})
    (line,) = capsys.readouterr().out.splitlines()
    assert "\\udcff" not in line
    shown = "b\\xff \\xff \U0001f3ac.mp4"
    assert json.loads(line) == {"name": shown, shown: [shown, 1, None]}


def test_text_of_several_lines_keeps_its_lines() -> None:
    assert printable_lines("one\ttwo\n\x07three") == "one\ttwo\n\\x07three"


def test_a_line_of_a_log_stays_one_line() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    for args in ((HOSTILE,), (Path(HOSTILE),), (ValueError(HOSTILE),)):
        handler.handle(PrintableRecord("x", 20, "x.py", 1, "%s was found", args, None))
    line = "a\\x1b[2Jb\\nc\\u202egpj.mp4 was found\n"
    assert stream.getvalue() == line * 3


def test_numbers_and_lines_of_others_stay_as_they_are() -> None:
    record = PrintableRecord("x", 20, "x.py", 1, "%d of %.1f", (3, 4.5), None)
    assert record.getMessage() == "3 of 4.5"
    record = PrintableRecord("x", 20, "x.py", 1, "broken:\n%(why)s", ({"why": "a\nb\x1b"},), None)
    assert record.getMessage() == "broken:\na\nb\\x1b"
