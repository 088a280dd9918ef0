"""Tools that say no, crash, or make something else: each has its code and its hint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.media import encode
from pipeline.media.encode import encode_unit
from pipeline.media.errors import MediaError
from pipeline.media.package import package
from pipeline.media.probe import probe
from pipeline.media.verify import verify_rendition
from pipeline.plan.names import rendition_step
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings
from tests.media import tools
from tests.sources.picture import Clip
from tests.sources.picture import encode as clip_of

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import ReelworksError

SAYS_NO = "echo it says no >&2; exit 3"
CRASHES = "kill -SEGV $$"
#: What Shaka Packager says when a disk is full as it closes a file.
FULL = (
    "echo 'Packaging Error: 5 (FILE_FAILURE): Cannot close file stream/1.m4s, possibly file"
    " permission issue or running out of disk space.' >&2; exit 1"
)
SMALL = Profile(
    video=VideoSettings(ladder=(144,), preset="ultrafast"), audio=AudioSettings(enabled=False)
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    clip = clip_of(tmp_path / "clip.mp4", Clip(seconds=1))
    return make_plan(probe(tools(), clip, Limits()), SMALL)


def tool(folder: Path, does: str) -> Path:
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


def told(error: ReelworksError, code: str, word: str) -> None:
    assert error.code == code
    assert word in error.message
    assert error.hint.endswith(".")


@pytest.mark.parametrize(
    ("does", "code", "word"),
    [(SAYS_NO, "encoder_failed", "it says no"), (CRASHES, "encoder_killed", "signal 11")],
)
def test_an_encoder_that_ends_badly(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, does: str, code: str, word: str
) -> None:
    monkeypatch.setattr(encode, "working_encoder", lambda *_: "libx264")
    broken = replace(tools(), ffmpeg=tool(tmp_path, does), isolation="off")
    (unit,) = plan.units
    outputs = dict.fromkeys(unit.steps, tmp_path / "made.mp4")
    with pytest.raises(MediaError) as caught:
        encode_unit(broken, plan, unit, outputs)
    told(caught.value, code, word)
    assert caught.value.transient is (does == CRASHES)


@pytest.mark.parametrize(
    ("does", "code", "word"),
    [
        (SAYS_NO, "packaging_failed", "it says no"),
        (CRASHES, "packager_killed", "signal 11"),
        (FULL, "no_space", "out"),
    ],
)
def test_a_packager_that_ends_badly(
    tmp_path: Path, plan: Plan, does: str, code: str, word: str
) -> None:
    broken = replace(tools(), packager=tool(tmp_path, does), isolation="off")
    made = tmp_path / "made.mp4"
    made.write_bytes(b"")
    (tmp_path / "out").mkdir()
    inputs = {rendition_step(one.name): made for one in plan.renditions}
    with pytest.raises(MediaError) as caught:
        package(broken, plan, inputs, tmp_path / "out")
    told(caught.value, code, word)
    assert caught.value.transient is (does != SAYS_NO)


def test_a_rendition_that_is_not_what_was_planned(tmp_path: Path, plan: Plan) -> None:
    other = clip_of(tmp_path / "other.mp4", Clip(seconds=1), audio=None)
    with pytest.raises(MediaError) as caught:
        verify_rendition(tools(), plan, rendition_step(plan.videos[0].name), other, 25)
    told(caught.value, "verify_failed", "320x240")
