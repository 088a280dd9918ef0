"""Logs: their end is shown, and they do not grow for ever."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from pipeline.stack import logfile


def test_the_last_lines_are_shown_without_empty_ones(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("one\ntwo\n\nthree\n\n")
    assert logfile.last_lines(log, 2) == ["two", "three"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert logfile.last_lines(tmp_path / "part.log", 2) == []


def test_bytes_that_are_no_text_are_shown_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"\xff ended badly\n")
    assert logfile.last_lines(log, 1) == ["\ufffd ended badly"]


def test_a_large_log_is_set_aside_while_its_process_goes_on_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 10)
    log = tmp_path / "logs" / "part.log"
    with logfile.open_for(log) as writing:
        writing.write(b"a line that is long enough\n")
        writing.flush()
        logfile.trim(log)
        writing.write(b"next\n")
    assert log.read_text() == "next\n"
    assert (tmp_path / "logs" / "part.log.1").read_text() == "a line that is long enough\n"


def test_a_small_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("short\n")
    logfile.trim(log)
    logfile.trim(tmp_path / "none.log")
    assert log.read_text() == "short\n"


def test_a_large_log_on_a_full_disk_is_cut_without_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 10)

    def full(_source: Path, target: Path) -> None:
        target.write_text("hal")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    log = tmp_path / "part.log"
    log.write_text("a line that is long enough")
    logfile.trim(log)
    assert [path.name for path in tmp_path.iterdir()] == ["part.log"]
    assert log.read_text() == ""


def test_a_log_that_cannot_be_copied_for_another_reason_is_left_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "LARGEST", 10)

    def refused(*_: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(shutil, "copyfile", refused)
    log = tmp_path / "part.log"
    log.write_text("a line that is long enough")
    with pytest.raises(PermissionError):
        logfile.trim(log)
    assert log.read_text() == "a line that is long enough"
