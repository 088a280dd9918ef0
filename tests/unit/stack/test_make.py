"""The Makefile hands on what it is given, and its help is a list without strays."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile, with nothing to set up and a `reelworks` that tells its words."""
    shutil.copy2(ROOT / "Makefile", tmp_path)
    for name, text in (
        ("deploy/setup", "#!/bin/sh\n"),
        (".venv/bin/reelworks", "#!/bin/sh\nprintf '<%s>' \"$@\"\n"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def make(project: Path, *words: str) -> str:
    return subprocess.run(
        ["make", *words],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_file_with_quotes_and_spaces_in_its_name_reaches_the_demo(project: Path) -> None:
    name = '../we\'ird "name" (1).mp4'
    assert make(project, "demo", f"FILE={name}") == f"<demo><{name}>"


def test_a_demo_of_no_file_is_given_none(project: Path) -> None:
    assert make(project, "demo") == "<demo>"


def test_the_help_is_the_head_of_the_file(project: Path) -> None:
    lines = make(project).splitlines()
    assert lines[0].startswith("Everything sets up what it needs")
    assert lines[-1].startswith("PYTHON=")
