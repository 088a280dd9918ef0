"""deploy/setup says clearly what is missing, and does nothing when nothing has changed."""

from __future__ import annotations

import hashlib
import os
import platform
import runpy
import shutil
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What deploy/setup looks at, with nothing to install."""
    (tmp_path / "deploy").mkdir()
    for name in ("setup", "fetch_uv.py"):
        shutil.copy2(ROOT / "deploy" / name, tmp_path / "deploy")
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
        (tmp_path / name).write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "cli.py").write_text("")
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


@pytest.fixture
def bare(project: Path) -> Path:
    """A Python without pip, on a machine without uv."""
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
    return bare


def test_a_python_without_pip_is_told_which_package_to_install(project: Path, bare: Path) -> None:
    # What pip is told on the machine that tests, this one is not.
    nowhere = {"PIP_INDEX_URL": "file:///nowhere"}
    done = setup(project, "run", PYTHON=str(bare), PATH=str(project / "bin"), **nowhere)
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends python3-venv" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    assert "uv could not be fetched" in done.stderr
    assert not (project / ".venv").exists()


def test_without_a_named_index_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    fetch_uv = runpy.run_path(str(ROOT / "deploy" / "fetch_uv.py"))
    monkeypatch.setitem(fetch_uv["index"].__globals__, "FILES", ())
    assert fetch_uv["main"](tmp_path / "uv") == 3
    assert "no package index is named" in capsys.readouterr().err
    assert not (tmp_path / "uv").exists()


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


@pytest.mark.parametrize("way", ["environment", "file"])
@pytest.mark.parametrize("hash_fits", [True, False])
def test_where_an_index_is_named_uv_is_fetched_from_it_and_checked(
    project: Path, bare: Path, way: str, hash_fits: bool
) -> None:
    name = f"uv-1.2-py3-none-manylinux_2_17_{platform.machine()}.manylinux2014.whl"
    if platform.libc_ver()[0] != "glibc":
        name = name.replace("manylinux", "musllinux")
    page = project / "index" / "uv"
    page.mkdir(parents=True)
    with zipfile.ZipFile(page / name, "w") as wheel:
        wheel.writestr(
            "uv-1.2.data/scripts/uv",
            f"#!/bin/sh\necho $* index $UV_DEFAULT_INDEX >>{project}/asked\n",
        )
    digest = hashlib.sha256((page / name).read_bytes()).hexdigest() if hash_fits else "0" * 64
    (project / "requirements-uv.lock").write_text(f"uv==1.2 --hash=sha256:{digest}\n")
    address = f"http://127.0.0.1:{_served(project / 'index')}/"
    named = {"PIP_INDEX_URL": address}
    if way == "file":
        (project / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
        named = {"PIP_CONFIG_FILE": str(project / "pip.conf")}
    done = setup(project, "run", PYTHON=str(bare), PATH=str(project / "bin"), **named)
    assert done.returncode == (0 if hash_fits else 1), done.stderr
    if hash_fits:
        asked = (project / "asked").read_text()
        assert "pip install --compile-bytecode --require-hashes" in asked
        assert f"index {address}" in asked
        assert list(project.glob("pipeline/__pycache__/cli.*.pyc"))
    else:
        assert "with a hash we know" in done.stderr


def _served(folder: Path) -> int:
    """Serve a folder as an index on loopback; returns the port."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
