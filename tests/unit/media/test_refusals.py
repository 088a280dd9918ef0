"""Refusals: what is said of a file has to be of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media.fence import Fence
from pipeline.media.process import Completed, Progress
from pipeline.media.refusals import unreadable

if TYPE_CHECKING:
    from pathlib import Path


def test_salvage_is_no_advice_for_what_has_no_index(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00\x00\x00\x10\x00mdat" + bytes(64))
    refused = unreadable(path, Completed(1, "moov atom not found", Progress()), Fence())
    assert refused.code == "truncated"
    assert "Nothing of it can be read" in refused.hint
