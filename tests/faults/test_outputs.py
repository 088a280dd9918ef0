"""What a fault run sees that is wrong with results: each test damages whole ones in one way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.media import checksums
from pipeline.models import Job, Rendition
from tests.faults.outputs import wrong_outputs
from tests.media import ffmpeg, make_clip, streams

if TYPE_CHECKING:
    from collections.abc import Callable

PLAYLIST = (
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    '#EXT-X-MAP:URI="v/init.mp4"\n#EXTINF:2.000,\nv/00001.m4s\n#EXTINF:2.000,\nv/00002.m4s\n'
    "#EXT-X-ENDLIST\n"
)
MASTER = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.42c00d"\n240p.m3u8\n'
MANIFEST = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
    '<Representation id="0"><SegmentTemplate initialization="v/init.mp4"'
    ' media="v/$Number%05d$.m4s" startNumber="1"><SegmentTimeline>'
    '<S t="0" d="180000" r="1"/></SegmentTimeline></SegmentTemplate></Representation>'
    "</AdaptationSet></Period></MPD>"
)
BOARD = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nstoryboard.jpg#xywh=160,0,160,120\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder as a job leaves it, but for what its parts hold."""
    folder = tmp_path_factory.mktemp("outputs") / "clip-1"
    make_clip(folder / "mp4" / "240p.mp4", seconds=1)
    for name, size in (("poster.jpg", "320x240"), ("storyboard.jpg", "320x120")):
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}", "-frames:v", "1", str(folder / name))
    (folder / "storyboard.vtt").write_text(BOARD)
    (folder / "stream" / "v").mkdir(parents=True)
    for part in ("init.mp4", "00001.m4s", "00002.m4s"):
        (folder / "stream" / "v" / part).write_bytes(b"part")
    (folder / "stream" / "master.m3u8").write_text(MASTER)
    (folder / "stream" / "240p.m3u8").write_text(PLAYLIST)
    (folder / "stream" / "manifest.mpd").write_text(MANIFEST)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "clip-1"))


def job_of(folder: Path) -> Job:
    """Give the job that recorded the folder as it is now."""
    files = [one.model_dump() for one in checksums.sums(folder)]
    (folder / "job.json").write_text(json.dumps({"id": "1", "files": files}))
    film = folder / "mp4" / "240p.mp4"
    frames = int(streams(film)[0]["nb_read_packets"])
    facts = {"codec": "h264", "width": 320, "height": 240, "duration_s": 1.0}
    rendition = Rendition(
        name="240p", path="mp4/240p.mp4", frames=frames, bytes=film.stat().st_size, **facts
    )
    outputs = {
        "job_file_sha256": checksums.sha256(folder / "job.json"),
        "poster": "poster.jpg",
        "posters": [{"path": "poster.jpg", "width": 320, "height": 240}],
        "storyboard": "storyboard.vtt",
    }
    return Job(id="1", output_directory=str(folder), outputs=outputs, renditions=[rendition])


def test_whole_results_are_well(folder: Path) -> None:
    assert wrong_outputs(job_of(folder)) == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


AFTERWARDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another byte": (lambda f: flip(f / "stream/v/00002.m4s"), "v/00002.m4s is changed"),
    "a part gone": (lambda f: (f / "stream/v/00001.m4s").unlink(), "v/00001.m4s is missing"),
    "a file too much": (lambda f: (f / "left.tmp").touch(), "left.tmp is unexpected"),
    "another job.json": (lambda f: flip(f / "job.json"), "job.json"),
    "no folder": (shutil.rmtree, "is not there"),
}


@pytest.mark.parametrize("what", AFTERWARDS)
def test_what_changed_after_it_was_recorded_is_seen(folder: Path, what: str) -> None:
    harm, words = AFTERWARDS[what]
    job = job_of(folder)
    harm(folder)
    assert any(words in one for one in wrong_outputs(job))


def said(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def broken_film(folder: Path) -> None:
    """Spoil the pictures, and leave what tells of them as it is."""
    film = folder / "mp4" / "240p.mp4"
    data = bytearray(film.read_bytes())
    middle = data.index(b"mdat") + 2000
    data[middle : middle + 4000] = b"\xff" * 4000
    film.write_bytes(data)


#: Recorded as they are: checksums say nothing of these.
MADE_SO: dict[str, tuple[Callable[[Path], object], str]] = {
    "a film that breaks": (broken_film, "240p.mp4 can't be decoded"),
    "a poster of another size": (
        lambda f: shutil.copy(f / "storyboard.jpg", f / "poster.jpg"),
        "poster.jpg is (320, 120), not (320, 240)",
    ),
    "no poster": (lambda f: (f / "poster.jpg").unlink(), "poster.jpg is None"),
    "a sheet too small": (
        lambda f: said(f / "storyboard.vtt", "=160,0", "=320,0"),
        "storyboard.jpg is (320, 120): storyboard.vtt needs (480, 120)",
    ),
    "a sheet that is none": (lambda f: (f / "storyboard.jpg").write_bytes(b"x"), "jpg is (0, 0)"),
    "no storyboard": (lambda f: (f / "storyboard.vtt").unlink(), "it has no storyboard"),
    "a playlist cut short": (
        lambda f: said(f / "stream/240p.m3u8", "#EXT-X-ENDLIST\n", ""),
        "240p.m3u8 is not whole",
    ),
    "a part of HLS that is not there": (
        lambda f: said(f / "stream/240p.m3u8", "v/00002", "v/00003"),
        "v/00003.m4s of 240p.m3u8 is not there",
    ),
    "a part shorter than it is read": (
        lambda f: said(f / "stream/240p.m3u8", "v/00002", "#EXT-X-BYTERANGE:9@0\nv/00002"),
        "v/00002.m4s of 240p.m3u8 is not there, or shorter than 9 bytes",
    ),
    "a playlist that is not there": (
        lambda f: (f / "stream/240p.m3u8").unlink(),
        "240p.m3u8 is not there",
    ),
    "a part of DASH that is not there": (
        lambda f: said(f / "stream/manifest.mpd", 'r="1"', 'r="2"'),
        "v/00003.m4s of representation 0 is not there",
    ),
    "an empty part of DASH": (
        lambda f: (f / "stream/v/init.mp4").write_bytes(b""),
        "v/init.mp4 of representation 0 is not there",
    ),
}


@pytest.mark.parametrize("what", MADE_SO)
def test_what_was_made_wrong_is_seen(folder: Path, what: str) -> None:
    harm, words = MADE_SO[what]
    harm(folder)
    found = wrong_outputs(job_of(folder))
    assert any(words in one for one in found), found
