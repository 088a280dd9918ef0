"""Tools that say no, crash, or make something else: each has its code and its hint."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
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
    from pipeline.errors import ReelworksError

SAYS_NO = "echo it says no >&2; exit 3"
CRASHES = "kill -SEGV $$"
#: What Shaka Packager says when a disk is full as it closes a file.
READ_ONLY = "echo 'Error opening output files: Read-only file system' >&2; exit 3"
FULL = (
    "echo 'Packaging Error: 5 (FILE_FAILURE): Cannot close file stream/1.m4s, possibly file"
    " permission issue or running out of disk space.' >&2; exit 1"
)
SMALL = Profile(
    video=VideoSettings(ladder=(144,), preset="ultrafast"), audio=AudioSettings(enabled=False)
)

STILL = Profile(video=VideoSettings(ladder=(144,), preset="ultrafast"))


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


@pytest.mark.parametrize("end", ["exit 1", "exit 0"])
def test_a_disk_that_refuses_does_not_make_a_source_a_damaged_one(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """ffmpeg ends well where a disk refuses in the middle: for it the file is over there."""
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        encode_refused(tmp_path, plan, monkeypatch, end)
    assert caught.value.filename == plan.source.path


def test_what_is_salvaged_from_a_disk_that_refuses_is_what_could_be_read(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    salvage = plan.profile.model_copy(update={"damaged": "salvage"})
    salvaged = plan.model_copy(update={"profile": salvage})
    with pytest.raises(MediaError, match="25 of its 25 frames"):
        encode_refused(tmp_path, salvaged, monkeypatch, "exit 0")


def encode_refused(folder: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setattr(encode, "working_encoder", lambda *_: "libx264")
    says = f"echo '[in#0] [error] Error during demuxing: {os.strerror(errno.EIO)}' >&2; {end}"
    broken = replace(tools(), ffmpeg=tool(folder, says), isolation="off")
    (unit,) = plan.units
    encode_unit(broken, plan, unit, dict.fromkeys(unit.steps, folder / "made.mp4"))


@pytest.mark.parametrize(
    ("does", "code", "word"),
    [
        (SAYS_NO, "packaging_failed", "it says no"),
        (CRASHES, "packager_killed", "signal 11"),
        (FULL, "no_space", "out"),
        (READ_ONLY, "system", "out: Read-only file system"),
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
    assert caught.value.transient is (does not in {SAYS_NO, READ_ONLY})


def test_a_rendition_that_is_not_what_was_planned(tmp_path: Path, plan: Plan) -> None:
    other = clip_of(tmp_path / "other.mp4", Clip(seconds=1), audio=None)
    with pytest.raises(MediaError) as caught:
        verify_rendition(tools(), plan, rendition_step(plan.videos[0].name), other, 25)
    told(caught.value, "verify_failed", "320x240")
    name = Path(plan.source.path).name
    assert caught.value.message.startswith(f"The output rendition:{plan.videos[0].name} of {name} ")
    assert "other" not in caught.value.message


@pytest.fixture
def still(tmp_path: Path) -> Plan:
    """Plan a single frame that is shown to three seconds of sound."""
    sound, flac = Clip(seconds=3).sound(), ("-c:a", "flac")
    clip = clip_of(tmp_path / "still.mkv", Clip(seconds=0.04), audio=flac, sound=sound)
    return make_plan(probe(tools(), clip, Limits()), STILL)


@pytest.mark.parametrize(
    ("clip", "times", "word"),
    [
        (Clip(seconds=3, rate="5"), "PTS", "it shows its frame 15 times, not 30"),
        (Clip(seconds=2.9, rate="10"), "PTS", "it shows its frame 29 times, not 30"),
        (Clip(seconds=3, rate="10"), "floor(N/10)/TB", "two of its frames are 0.000 s apart"),
    ],
)
def test_a_still_that_is_not_shown_as_planned_is_refused(
    tmp_path: Path, still: Plan, clip: Clip, times: str, word: str
) -> None:
    look = f"scale=192:144,setpts={times}"
    passed = ("-fps_mode", "passthrough")
    made = clip_of(tmp_path / "made.mp4", clip, audio=None, look=look, last=passed)
    with pytest.raises(MediaError) as refused:
        verify_rendition(tools(), still, "rendition:144p", made, None)
    told(refused.value, "verify_failed", word)
