"""A source that is encoded in ranges comes out as if one encode had made it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.boxes import read_moments
from pipeline.media.encode import encode_unit
from pipeline.media.errors import MediaError
from pipeline.media.probe import probe
from pipeline.media.ranges import encode_range, join_ranges
from pipeline.plan import ranges
from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.names import rendition_step
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.media import ffmpeg, tools

RATES = ["30", "30000/1001", "24000/1001", "25", "50"]
SECONDS = 12.7
THREE = Capacity(workers=(EncodeWorker(name="encode@a", slots=3),))
#: How many frames before and after a border are looked at.
AROUND = 12
#: By how much a frame there may be further from the source than that of one encode, in SSIM.
MARGIN = 0.01


@dataclass(frozen=True)
class Both:
    """A source encoded whole and in ranges, by the names of its steps."""

    plan: Plan
    whole: dict[str, Path]
    joined: dict[str, Path]


@pytest.fixture(autouse=True)
def short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut also what is short."""
    monkeypatch.setattr(ranges, "LEAST_S", 4.0)


def clip(path: Path, rate: str, *coded: str) -> Path:
    """Make a moving clip with sound, whose key frames lie where no range begins."""
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=320x180:r={rate}"),
        *("-f", "lavfi", "-i", "sine=r=48000", "-t", str(SECONDS), "-pix_fmt", "yuv420p"),
        *(coded or ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "37")),
        *("-c:a", "aac", str(path)),
    )
    return path


def planned(path: Path, capacity: Capacity = THREE, **video: Any) -> Plan:
    usual = {"ladder": [180, 144], "preset": "veryfast", "encoder": "cpu"}
    profile = Profile.model_validate({"video": {**usual, **video}})
    return make_plan(probe(tools(), path, Limits()), profile, capacity)


def encoded(plan: Plan, folder: Path) -> dict[str, Path]:
    """Make everything of a plan as it is cut."""
    folder.mkdir()
    made = {step: folder / f"{step.partition(':')[2]}.mp4" for step in plan.steps}
    parts = [(unit, folder / f"part-{unit.name[-3:]}.mp4") for unit in plan.ranges]
    for unit in plan.units:
        if unit.kind == "whole":
            encode_unit(tools(), plan, unit, {step: made[step] for step in unit.steps})
    for unit, part in parts:
        encode_range(tools(), plan, unit, part)
    if parts:
        outputs = {rendition_step(one.name): made[rendition_step(one.name)] for one in plan.videos}
        join_ranges(tools(), plan, parts, outputs, folder / "list.ffconcat")
    return made


def both(path: Path, **video: Any) -> Both:
    cut, whole = planned(path, **video), planned(path, Capacity(), **video)
    assert (len(cut.ranges), len(whole.ranges)) == (3, 0)
    return Both(cut, encoded(whole, path.parent / "whole"), encoded(cut, path.parent / "cut"))


def key_frames(path: Path) -> list[str]:
    argv = [str(tools().ffprobe), "-v", "error", "-select_streams", "v", "-show_entries"]
    told = subprocess.run(
        [*argv, "packet=pts,flags", "-of", "csv=p=0", str(path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [line.partition(",")[0] for line in told.stdout.splitlines() if "K" in line]


def ssim(source: Path, made: Path, log: Path) -> list[float]:
    """Compare each frame with the source's, as large as it was made."""
    graph = f"[0:v]scale=320:180[a];[1:v]scale=320:180[b];[a][b]ssim=stats_file={log}"
    ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-")
    return [float(found) for found in re.findall(r"All:([\d.]+)", log.read_text())]


def assert_the_same(made: Both) -> None:
    for video in made.plan.videos:
        whole, joined = (some[rendition_step(video.name)] for some in (made.whole, made.joined))
        assert read_moments(joined) == read_moments(whole)
        assert key_frames(joined) == key_frames(whole)
    sound = rendition_step("audio")
    assert made.joined[sound].read_bytes() == made.whole[sound].read_bytes()


@pytest.mark.parametrize("rate", RATES)
def test_every_frame_is_shown_when_one_encode_had_shown_it(rate: str, tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mp4", rate)
    made = both(source)
    assert_the_same(made)
    borders = [sum(unit.frames or 0 for unit in made.plan.ranges[:last]) for last in (1, 2)]
    step = rendition_step("180p")
    whole = ssim(source, made.whole[step], tmp_path / "whole.log")
    joined = ssim(source, made.joined[step], tmp_path / "joined.log")
    assert len(joined) == len(whole)
    for border in borders:
        near = slice(border - AROUND, border + AROUND)
        assert min(joined[near]) > min(whole[near]) - MARGIN
        assert sum(joined[near]) > sum(whole[near]) - MARGIN * AROUND


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9"])
def test_ranges_of_every_codec_can_be_joined(codec: str, tmp_path: Path) -> None:
    assert_the_same(
        both(clip(tmp_path / "clip.mp4", "24000/1001"), codec=codec, preset="ultrafast")
    )


def test_matroska_rounds_its_moments_and_they_stay_as_they_are(tmp_path: Path) -> None:
    assert_the_same(both(clip(tmp_path / "clip.mkv", "24000/1001")))


def test_groups_of_pictures_that_are_not_closed_can_be_cut(tmp_path: Path) -> None:
    open_gop = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-g", "31")
    source = clip(tmp_path / "clip.mp4", "25", *open_gop, "-x264-params", "open-gop=1")
    assert_the_same(both(source))


def test_a_range_that_lacks_frames_is_found_out(tmp_path: Path) -> None:
    cut = planned(clip(tmp_path / "clip.mp4", "25"))
    more = cut.ranges[1].model_copy(update={"frames": 1 + (cut.ranges[1].frames or 0)})
    with pytest.raises(MediaError, match=r"not 1\d\d frames of each") as raised:
        encode_range(tools(), cut, more, tmp_path / "part.mp4")
    assert raised.value.code == "verify_failed"


def test_ranges_that_are_coded_otherwise_are_not_joined(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", "25")
    cut, other = planned(path), planned(path, preset="ultrafast")
    parts = []
    for number, plan in enumerate((cut, other, cut)):
        unit = plan.ranges[number]
        parts.append((unit, tmp_path / f"part-{number}.mp4"))
        encode_range(tools(), plan, *parts[-1])
    outputs = {rendition_step(one.name): tmp_path / f"{one.name}.mp4" for one in cut.videos}
    with pytest.raises(MediaError, match="range:002 is not what was planned") as raised:
        join_ranges(tools(), cut, parts, outputs, tmp_path / "list")
    assert raised.value.code == "verify_failed"
