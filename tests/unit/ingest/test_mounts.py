"""Which folders are listed again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.ingest import mounts
from pipeline.ingest.mounts import is_polled, network_kind
from pipeline.settings.pipeline import WatchFolder


def test_a_local_folder_is_listened_to(tmp_path: Path) -> None:
    assert network_kind(tmp_path) is None
    assert not is_polled(WatchFolder(path=tmp_path))
    assert is_polled(WatchFolder(path=tmp_path, polling=True))


def test_the_kernels_own_number_of_a_file_system_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mounts.NETWORK, 0x9FA0, "procfs")
    assert network_kind(Path("/proc")) == "procfs"
    assert is_polled(WatchFolder(path=Path("/proc")))
    with Path("/proc/self/stat").open("rb") as opened:
        assert network_kind(opened.fileno()) == "procfs"


def test_a_folder_that_is_not_there_can_not_be_asked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        network_kind(tmp_path / "absent")
