"""`reelworks plan`: the plan is made for the workers that are there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from pipeline.history import workers
from pipeline.media import capabilities
from tests.sources.picture import Clip, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.app import Runtime
    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]

#: What hardware takes is larger than that of the quick profile.
QUICK, LARGER = ("--profile", "quick"), ("--profile", "slow")


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(encode(tmp_path / "clip.mp4", Clip(seconds=1, size="640x480")))


def test_hardware_that_a_worker_announced_is_planned_for(
    reelworks: Reelworks, ready: Runtime, clip: str
) -> None:
    with ready.db.begin() as session:
        found = {"nvenc": ["h264"]}
        workers.register(session, "elsewhere/1", slots=1, processor=True, hardware=found)
    said = reelworks("plan", clip, *LARGER)
    assert said.status == 0
    assert "on encode.nvenc" in said.out
    assert "no worker is there" not in said.out
    units = json.loads(reelworks("plan", clip, "--json", *LARGER).out)["units"]
    assert "nvenc" in {unit["capability"] for unit in units}


def test_without_a_worker_it_is_planned_for_this_machine(
    reelworks: Reelworks, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "hardware", lambda _: {})
    said = reelworks("plan", clip, *QUICK)
    assert "no worker is there" in said.out
    assert "on encode.cpu" in said.out


def test_what_needs_a_tag_is_planned_for_its_queue(
    reelworks: Reelworks, ready: Runtime, clip: str
) -> None:
    quick = "quick: {needs: big-disk, video: {ladder: [240]}}\nslow: {}\n"
    (ready.settings.config_dir / "profiles.yml").write_text(quick)
    with ready.db.begin() as session:
        workers.register(session, "elsewhere/1", slots=1, processor=True, hardware={})
    said = reelworks("plan", clip, *QUICK).out
    assert "on encode.cpu.big-disk" in said
    assert "no worker with the tag big-disk is there: its encodes wait for one" in said
    assert "planned as for one on this machine" not in said


def test_it_is_told_why_a_film_is_not_cut_into_ranges(
    reelworks: Reelworks, ready: Runtime, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "hardware", lambda _: {})
    why = "not cut into ranges: "
    assert f"{why}fewer than two encodes are free" in reelworks("plan", clip, *QUICK).out
    with ready.db.begin() as session:
        workers.register(session, "elsewhere/1", slots=2, processor=True, hardware={})
    assert f"{why}it is shorter than 40 s" in reelworks("plan", clip, *QUICK).out


def test_the_container_is_named_as_people_do(
    reelworks: Reelworks, tmp_path: Path, clip: str
) -> None:
    assert "clip.mp4: mp4, 640x480" in reelworks("plan", clip, *QUICK).out
    other = encode(tmp_path / "clip.mkv", Clip(seconds=1))
    assert "clip.mkv: matroska, 320x240" in reelworks("plan", str(other), *QUICK).out


def test_a_file_that_is_not_there_is_a_name_to_be_checked(
    reelworks: Reelworks, tmp_path: Path
) -> None:
    said = reelworks("plan", str(tmp_path / "nope.mp4"))
    assert said.status == 2
    assert said.err == f"error: There is no file {tmp_path}/nope.mp4.\nhint: Check the name.\n"


@pytest.mark.parametrize("verb", ["plan", "demo", "ingest"])
def test_what_can_not_be_a_file_is_refused(reelworks: Reelworks, tmp_path: Path, verb: str) -> None:
    said = reelworks(verb, str(tmp_path / ("x" * 300)))
    assert said.status == 2
    assert said.err.endswith(
        "File name too long.\nhint: Check the name, and who may read the folders above it.\n"
    )
    os.mkfifo(tmp_path / "pipe.mp4")
    said = reelworks(verb, str(tmp_path / "pipe.mp4"))
    assert (said.status, "is not a regular file" in said.err) == (2, True)
