"""A broadcast is looked far into for what begins late, only where something is found so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.media.probe import probe
from pipeline.settings.pipeline import Limits
from tests.media import ffmpeg, tools

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("kept", "sounds", "far"), [("0", 1, False), ("gte(pts*tb,9)", 2, True)])
def test_what_is_found_far_in_is_read_from_there(
    tmp_path: Path, kept: str, sounds: int, far: bool
) -> None:
    path, tone = tmp_path / "a.ts", ("-f", "lavfi", "-i", "sine=d=10")
    ffmpeg(
        *("-f", "lavfi", "-i", "color=s=64x48:d=10", *tone, *tone),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "libx264", "-c:a", "aac"),
        *("-bsf:a:1", f"noise=drop='not({kept})'", str(path)),
    )
    source = probe(tools(), path, Limits())
    assert (len(source.audio), source.far) == (sounds, far)
    assert [("can't be decoded" in said) for said in source.left_out] == [True] * (2 - sounds)
