"""The files of a fault run, and who is seen to have one open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import kills
from tests.faults.batch import Batch
from tests.faults.custody import sha256
from tests.media import streams

if TYPE_CHECKING:
    import pytest


def test_a_large_clip_is_a_clip_and_as_large_as_it_should_be(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "media", tmp_path / "clips", 3)
    file = batch.drop_large("far", 1 << 20)
    assert file.path == tmp_path / "media" / "far" / "round3-0.mp4"
    assert file.path.stat().st_size > 1 << 20
    assert file.contents == [sha256(file.path)]
    assert {one["codec_type"] for one in streams(file.path)} == {"video", "audio"}


def test_who_has_a_new_copy_open_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "LOOK_S", 0.05)
    copy, known = tmp_path / ".1.part", set[Path]()
    assert kills._new_writer(tmp_path, known, [os.getpid()]) is None
    with copy.open("wb"):
        assert kills._new_writer(tmp_path, known, [os.getpid()]) == os.getpid()
        # Once a copy: of the next one its writer is another.
        assert kills._new_writer(tmp_path, known, [os.getpid()]) is None
