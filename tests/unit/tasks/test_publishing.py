"""A folder appears whole, takes the place of a former one at once."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.tasks import exchange as exchanging
from pipeline.tasks.exchange import exchange
from pipeline.tasks.workspace import publish_folder

if TYPE_CHECKING:
    from pathlib import Path


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
