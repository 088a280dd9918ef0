"""Whether transparent parts can be told depends on how ffmpeg was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media import transparency
from pipeline.media.transparency import with_transparency
from tests.media import tools
from tests.unit.plan.sources import source

if TYPE_CHECKING:
    import pytest

CLEAR = source(640, 360, codec="vp9", transparent=True)


def test_the_decoder_that_tells_is_chosen() -> None:
    found = with_transparency(tools(), CLEAR)
    assert found.video is not None
    assert found.video.decoder == "libvpx-vp9"
    assert "black" in found.left_out[0]


def test_without_that_decoder_it_is_said_and_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transparency, "decoders", lambda _: frozenset({"vp9"}))
    found = with_transparency(tools(), CLEAR)
    assert found.video is not None
    assert (found.video.decoder, found.video.transparent) == (None, False)
    assert "libvpx-vp9" in found.left_out[0]


def test_what_is_opaque_is_left_alone() -> None:
    assert with_transparency(tools(), source(640, 360)) == source(640, 360)
