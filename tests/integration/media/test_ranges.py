"""A source that is encoded in ranges comes out as if one encode had made it."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.boxes import Index, read_index
from pipeline.media.encode import encode_unit
from pipeline.media.errors import MediaError
from pipeline.media.probe import probe
from pipeline.media.process import Completed, Progress
from pipeline.media.ranges import encode_range, join_ranges
from pipeline.plan import ranges
from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.encodes import EncodeUnit
from pipeline.plan.names import rendition_step, result_suffix
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.media import ffmpeg, tools
from tests.sources.bitstream import captioned

RATES = ["30", "30000/1001", "24000/1001", "25", "50"]
SECONDS = 12.7
THREE = Capacity(workers=(EncodeWorker(name="encode@a", slots=3),))
#: How many frames before and after a border are looked at.
AROUND = 12
#: By how much a frame there may be further from the source than that of one encode, in SSIM.
MARGIN = 0.001


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


def clip(
    path: Path, rate: str, *coded: str, size: str = "160x90", seconds: float = SECONDS
) -> Path:
    """Make a moving clip with sound, whose key frames lie where no range begins."""
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}"),
        *("-f", "lavfi", "-i", "sine=r=48000", "-t", str(seconds), "-pix_fmt", "yuv420p"),
        *(coded or ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "37")),
        *("-c:a", "aac", str(path)),
    )
    return path


def planned(path: Path, capacity: Capacity = THREE, **video: Any) -> Plan:
    usual = {"ladder": [90, 72], "preset": "veryfast", "encoder": "cpu"}
    profile = Profile.model_validate({"video": {**usual, **video}})
    return make_plan(probe(tools(), path, Limits()), profile, capacity)


def encoded(plan: Plan, folder: Path) -> dict[str, Path]:
    """Make everything of a plan as it is cut."""
    folder.mkdir()
    made = {step: folder / f"{step.partition(':')[2]}{result_suffix(step)}" for step in plan.steps}
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


def moments(path: Path) -> list[list[int]]:
    return [list(index.moments()) for index in read_index(path)]


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
    graph = f"[0:v]scale=160:90[a];[1:v]scale=160:90[b];[a][b]ssim=stats_file={log}"
    ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-")
    return [float(found) for found in re.findall(r"All:([\d.]+)", log.read_text())]


def assert_the_same(made: Both) -> None:
    for video in made.plan.videos:
        whole, joined = (some[rendition_step(video.name)] for some in (made.whole, made.joined))
        assert moments(joined) == moments(whole)
        assert key_frames(joined) == key_frames(whole)
    sound = rendition_step("audio")
    assert made.joined[sound].read_bytes() == made.whole[sound].read_bytes()


@pytest.mark.parametrize("rate", RATES)
def test_every_frame_is_shown_when_one_encode_had_shown_it(rate: str, tmp_path: Path) -> None:
    source = clip(tmp_path / "clip.mp4", rate)
    made = both(source)
    assert_the_same(made)
    borders = [sum(unit.frames or 0 for unit in made.plan.ranges[:last]) for last in (1, 2)]
    step = rendition_step("90p")
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


@pytest.mark.parametrize(("name", "seconds"), [("clip.mp4", 40), ("clip.mkv", 64)])
def test_key_frames_of_long_ranges_lie_where_those_of_one_encode_do(
    name: str, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "LEAST_S", seconds / 4)
    source = clip(tmp_path / name, "30000/1001", size="64x36", seconds=seconds)
    assert_the_same(both(source, ladder=[36], preset="ultrafast"))


def with_captions(path: Path) -> tuple[Path, int]:
    """Make a clip that tells a caption in nearly every second, and count them."""
    raw, told = path.with_name("raw.h264"), path.with_name("told.h264")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "37")
    look = f"testsrc2=s=160x90:r=25:d={SECONDS}"
    ffmpeg("-f", "lavfi", "-i", look, "-pix_fmt", "yuv420p", *coded, str(raw))
    texts = {first: f"CAPTION {first:04d}" for first in range(10, 290, 22)}
    told.write_bytes(captioned(raw.read_bytes(), texts))
    ffmpeg("-r", "25", "-i", str(told), "-c", "copy", str(path))
    return path, len(texts)


def captions(path: Path) -> list[str]:
    """Read the captions that lie in a file's pictures."""
    argv = [str(tools().ffmpeg), "-v", "error", "-f", "lavfi", "-i", f"movie={path}[out0+subcc]"]
    argv += ["-map", "s", "-f", "webvtt", "-"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    return told.stdout.splitlines()


def test_captions_are_neither_lost_nor_doubled_at_a_join(tmp_path: Path) -> None:
    source, count = with_captions(tmp_path / "clip.mp4")
    made = both(source, preset="ultrafast")
    step = rendition_step(made.plan.videos[0].name)
    joined = captions(made.joined[step])
    assert sum("CAPTION" in line for line in joined) == count
    assert joined == captions(made.whole[step])
    assert key_frames(made.joined[step]) == key_frames(made.whole[step])
    (text,) = (made.joined[one] for one in made.joined if "captions" in one)
    assert text.read_text().count("CAPTION") == count


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
    with pytest.raises(MediaError, match=r"range:002 of \S+ is not what was planned") as raised:
        join_ranges(tools(), cut, parts, outputs, tmp_path / "list")
    assert raised.value.code == "verify_failed"


@dataclass(frozen=True)
class Made:
    """The ranges of a source, each with its file, and where they are to be joined."""

    plan: Plan
    parts: list[tuple[EncodeUnit, Path]]
    outputs: dict[str, Path]
    listing: Path


@pytest.fixture
def made(tmp_path: Path) -> Made:
    cut = planned(clip(tmp_path / "clip.mp4", "25", size="64x36"), ladder=[36])
    parts = [(unit, tmp_path / f"part-{unit.name[-3:]}.mp4") for unit in cut.ranges]
    for unit, path in parts:
        encode_range(tools(), cut, unit, path)
    return Made(cut, parts, {rendition_step("36p"): tmp_path / "36p.mp4"}, tmp_path / "list")


def test_joining_tells_that_it_moves_before_it_has_read_everything(made: Made) -> None:
    told: list[Progress] = []
    join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing, on_check=told.append)
    assert len(told) == len(made.parts) + len(made.outputs)
    assert all(progress.moved for progress in told)


def test_each_index_is_read_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counting(path: Path) -> list[Index]:
        read.append(path.name)
        return read_index(path)

    for module in ("ranges", "boxes"):
        monkeypatch.setattr(f"pipeline.media.{module}.read_index", counting)
    join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)
    assert sorted(read) == ["36p.mp4", "part-001.mp4", "part-002.mp4", "part-003.mp4"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_refuses_is_no_fault_of_the_ranges(
    number: int, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> list[Index]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pipeline.media.ranges.read_index", refused)
    with pytest.raises(OSError, match=os.strerror(number)):
        join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_refuses_ffmpeg_is_no_fault_of_the_ranges_either(
    number: int, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = f"[concat @ 0x1] {os.strerror(number)}"
    monkeypatch.setattr("pipeline.media.ranges.run", lambda *_, **__: Completed(1, log, Progress()))
    with pytest.raises(OSError, match=os.strerror(number)):
        join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)


@pytest.mark.parametrize("returncode", [0, 1])
def test_a_range_whose_source_the_disk_refuses_is_not_taken_for_a_wrong_one(
    returncode: int, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg ends well where a disk refuses in the middle: for it the file is over there."""
    log = f"[in#0/mov @ 0x1] [error] Error during demuxing: {os.strerror(errno.EIO)}"
    told = Completed(returncode, log, Progress())
    monkeypatch.setattr("pipeline.media.ranges.run_anew", lambda *_, **__: told)
    (unit, path), (_, other) = made.parts[0], made.parts[1]
    path.write_bytes(other.read_bytes())
    unit = unit.model_copy(update={"frames": (unit.frames or 0) + 1})
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        encode_range(tools(), made.plan, unit, path)


def test_a_range_that_vanishes_while_it_is_joined_is_told_from_a_wrong_one(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(*_: Any, **__: Any) -> Completed:
        made.parts[1][1].unlink()
        return Completed(1, "No such file or directory", Progress())

    monkeypatch.setattr("pipeline.media.ranges.run", vanished)
    with pytest.raises(FileNotFoundError):
        join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)


def test_ranges_that_ffmpeg_can_not_join_do_not_fit(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Completed(1, "Invalid data found", Progress())
    monkeypatch.setattr("pipeline.media.ranges.run", lambda *_, **__: said)
    with pytest.raises(MediaError, match="could not make it: Invalid data found") as raised:
        join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)
    assert raised.value.code == "verify_failed"


def test_a_range_that_is_cut_short_does_not_fit(made: Made) -> None:
    path = made.parts[1][1]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MediaError, match=r"range:002 of \S+ is not what was planned: .*cut short"):
        join_ranges(tools(), made.plan, made.parts, made.outputs, made.listing)
