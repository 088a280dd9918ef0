"""deploy/setup says clearly what is missing, and does nothing when nothing has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What deploy/setup looks at, with nothing to install."""
    (tmp_path / "deploy").mkdir()
    shutil.copy2(ROOT / "deploy" / "setup", tmp_path / "deploy")
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
        (tmp_path / name).write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def setup(project: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["deploy/setup", *words],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_old_python_is_refused_by_version(project: Path) -> None:
    old = program(
        project / "bin", "old", 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'
    )
    done = setup(project, "run", PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.9.2" in done.stderr
    assert "3.11 or newer" in done.stderr


def test_a_python_that_is_not_there_is_named(project: Path) -> None:
    done = setup(project, "run", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "/nowhere/python3" in done.stderr


def test_a_python_without_pip_is_told_which_package_to_install(project: Path) -> None:
    # As on Debian without python3-venv: environments can be made, but nothing can fill them.
    without = f"""
    case "$*" in
        "-m venv --without-pip"*) exec {sys.executable} "$@" ;;
        "-m pip"* | "-m venv"* | "-m virtualenv"*) exit 1 ;;
        *) exec {sys.executable} "$@" ;;
    esac"""
    bare = program(project / "bin", "bare", without)
    for name in ("sh", "dirname", "cat", "cksum", "grep", "sed", "tail", "rm"):  # and no uv
        (project / "bin" / name).symlink_to(str(shutil.which(name)))
    done = setup(project, "run", PYTHON=str(bare), PATH=str(project / "bin"))
    assert done.returncode == 1
    assert "python3-venv" in done.stderr
    assert not (project / ".venv").exists()


def test_nothing_is_done_twice(project: Path) -> None:
    venv = project / ".venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").symlink_to(sys.executable)
    wanted = subprocess.run(
        "cat requirements-dev.lock pyproject.toml | cksum",
        shell=True,
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    stamp = project / ".venv" / ".reelworks-setup"
    stamp.write_text(f"in {project}\ndev {wanted}\n")
    for which in ("dev", "run"):
        done = setup(project, which, PYTHON="/nowhere/python3")
        assert (done.returncode, done.stderr) == (0, "")


def test_an_environment_of_another_place_is_not_used(project: Path) -> None:
    venv = project / ".venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").symlink_to(sys.executable)
    (project / ".venv" / ".reelworks-setup").write_text("in /elsewhere\n")
    done = setup(project, "run", PYTHON="/nowhere/python3")
    assert done.returncode == 1


@pytest.mark.parametrize("words", [(), ("everything",)])
def test_wrong_usage_exits_2(project: Path, words: tuple[str, ...]) -> None:
    done = setup(project, *words)
    assert done.returncode == 2
    assert "usage" in done.stderr
