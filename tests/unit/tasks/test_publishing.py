"""A folder appears whole, takes the place of a former one at once."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from pipeline.history.steps import Claim
from pipeline.tasks import exchange as exchanging
from pipeline.tasks.exchange import exchange
from pipeline.tasks.workspace import Workspace, publish_folder


def folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "job.json").write_text(text)
    return path


def read(path: Path) -> str:
    return (path / "job.json").read_text()


@pytest.mark.parametrize("known", [True, False], ids=["renameat2", "renames"])
def test_two_folders_exchange_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if not known:
        monkeypatch.setattr(exchanging, "_renameat2", lambda: None)
    one, other = folder(tmp_path / "one", "1"), folder(tmp_path / "ö ther", "2")
    exchange(one, other)
    assert (read(one), read(other)) == ("2", "1")
    assert sorted(tmp_path.iterdir()) == [one, other]


def test_what_is_not_there_is_not_exchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        exchange(tmp_path / "nowhere", folder(tmp_path / "other", "2"))


@pytest.fixture
def by_renames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish where the system can't exchange two names at once."""
    monkeypatch.setattr(exchanging, "_renameat2", lambda: None)


def killed_at_rename(nth: int, staging: Path, final: Path) -> None:
    """Publish in a process that is killed instead of the `nth` rename."""
    if child := os.fork():
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        return
    rename, done = Path.rename, list[Path]()

    def rename_or_die(self: Path, target: Path) -> Path:
        done.append(self)
        if len(done) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    try:
        pytest.MonkeyPatch().setattr(Path, "rename", rename_or_die)
        publish_folder(staging, final)
    finally:
        os._exit(1)


@pytest.mark.usefixtures("by_renames")
@pytest.mark.parametrize(("nth", "there"), [(1, "former"), (2, "former"), (3, "new")])
@pytest.mark.parametrize("who", ["the next attempt", "who is slow", "who ends the job"])
def test_a_published_folder_is_back_whenever_who_replaced_it_was_killed(
    tmp_path: Path, nth: int, there: str, who: str
) -> None:
    workspace = Workspace(tmp_path / "work", tmp_path / "library", "job")
    final = folder(tmp_path / "library" / "ö films" / "clip", "former")
    killed_at_rename(nth, folder(workspace.staging(2), "new"), final)
    assert final.is_dir() == (nth != 2)
    if who == "the next attempt":
        workspace.open(Claim("job", "n/p/3", {"manifest": 3}, 1))
    elif who == "who is slow":
        workspace.open(Claim("job", "n/p/1", {"manifest": 1}, 1))
        workspace.discard(Claim("job", "n/p/2", {"manifest": 2}, 1))
    else:
        workspace.discard_unfinished()
    assert read(final) == there
    assert list((tmp_path / "library" / ".staging").iterdir()) == []


@pytest.mark.usefixtures("by_renames")
def test_a_published_folder_is_back_at_once_when_it_cannot_be_replaced(tmp_path: Path) -> None:
    final = folder(tmp_path / "library" / "clip", "former")
    with pytest.raises(FileNotFoundError, match="nothing"):
        publish_folder(tmp_path / "nothing", final)
    assert read(final) == "former"


@pytest.mark.usefixtures("by_renames")
def test_a_published_folder_that_cannot_be_put_back_now_is_kept_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "work", tmp_path / "library", "job")
    final = folder(tmp_path / "library" / "clip", "former")
    killed_at_rename(2, folder(workspace.staging(1), "new"), final)

    def refused(self: Path, target: Path) -> Path:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    claim = Claim("job", "n/p/2", {"manifest": 2}, 1)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refused)
        workspace.open(claim)
        with pytest.raises(OSError, match="Read-only"):
            workspace.discard_staging()
    assert not final.exists()
    workspace.open(claim)
    assert read(final) == "former"


def test_a_published_folder_is_never_away_while_it_is_replaced(tmp_path: Path) -> None:
    staging, final = tmp_path / "staging" / "1", folder(tmp_path / "library" / "clip", "0")
    away, stop = [], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if not final.is_dir():
                away.append(True)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(1, 50):
        former = publish_folder(folder(staging, str(number)), final)
        assert former is not None
        assert read(former) == str(number - 1)
        shutil.rmtree(former)
    stop.set()
    watcher.join()
    assert read(final) == "49"
    assert not staging.exists()
    assert not away
