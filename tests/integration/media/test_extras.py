"""Extras made of real renditions, read back: the right picture at the right time and place."""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.media.encode import encode_unit
from pipeline.media.errors import MediaError
from pipeline.media.extra_checks import check_storyboard
from pipeline.media.extras import (
    Film,
    Making,
    make_extras,
    make_posters,
    make_preview,
    make_storyboard,
    make_waveform,
)
from pipeline.media.probe import probe
from pipeline.media.thumbnail import make_poster
from pipeline.plan.names import rendition_step
from pipeline.plan.plan import make_plan
from pipeline.plan.posters import poster_argv
from pipeline.plan.preview import read_webp
from pipeline.plan.storyboard import read_webvtt, storyboard
from pipeline.settings.extras import PosterSettings
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.media import ffmpeg, make_clip, streams, tools

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMITS = Limits()
#: Brightness that tells which second of a film a picture is of: see `second_shown`.
STEP = 9
DARKEST = 20


@pytest.fixture
def making(tmp_path: Path) -> Making:
    folder = tmp_path / "100%d, out"
    folder.mkdir()
    return Making(tools(), folder, timeout_s=60)


def brightness_film(
    path: Path, seconds: float, size: str = "256x144", rate: str = "25", *more: str
) -> Path:
    """Make a film whose brightness says which second it is, with a key frame every two."""
    picture = f"color=gray:s={size}:r={rate}:d={seconds},format=gray"
    ffmpeg(
        *("-f", "lavfi", "-i", f"{picture},geq=lum='{DARKEST}+{STEP}*mod(floor(T+0.001),24)'"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-pix_fmt", "yuv420p"),
        *("-force_key_frames", "expr:gte(t,n_forced*2)", "-g", "1000", "-sc_threshold", "0"),
        *("-video_track_timescale", "90000", *more, str(path)),
    )
    return path


def grey(path: Path, crop: Sequence[int] | None = None) -> bytes:
    """Read a picture, or `crop` (x, y, width, height) of it, as bytes of brightness."""
    x, y, width, height = crop or (0, 0, 0, 0)
    part = f"format=yuvj444p,crop={width}:{height}:{x}:{y}:exact=1," if crop else ""
    argv = [str(tools().ffmpeg), "-nostdin", "-loglevel", "error", "-i", path.name]
    filters = ["-vf", f"{part}format=gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    # By its name alone: ffmpeg takes a percent sign in a folder's name for a pattern.
    done = subprocess.run(
        [*argv, *filters], check=True, capture_output=True, timeout=60, cwd=path.parent
    )
    return done.stdout


def second_shown(luma: bytes) -> float:
    """Tell from the brightness of a picture of the film which second it is of."""
    return (sum(luma) / len(luma) - DARKEST) / STEP


def told(folder: Path) -> Any:
    return json.loads((folder / "waveform.json").read_text())


@pytest.mark.parametrize(
    ("seconds", "size", "rate", "tile"),
    [(14.0, "256x144", "25", (160, 90)), (9.5, "144x256", "24000/1001", (90, 160))],
)
def test_each_tile_shows_the_film_at_its_time(
    making: Making, seconds: float, size: str, rate: str, tile: tuple[int, int]
) -> None:
    path = brightness_film(making.folder / "film.mp4", seconds, size, rate)
    width, height = map(int, size.split("x"))
    assert make_storyboard(making, Film(path, width, height, seconds, 2.0)) == "storyboard.vtt"
    cues = read_webvtt((making.folder / "storyboard.vtt").read_text())
    assert [cue.start_ms for cue in cues] == [1000 * k for k in range(len(cues))]
    assert cues[-1].end_ms == seconds * 1000
    assert {(cue.width, cue.height) for cue in cues} == {tile}
    for number, cue in enumerate(cues):
        shown = grey(making.folder / cue.sheet, (cue.x, cue.y, cue.width, cue.height))
        assert second_shown(shown) == pytest.approx(number, abs=0.4)


def test_a_long_film_is_read_by_its_key_frames_and_fills_several_sheets(making: Making) -> None:
    """Three hours at a frame a second."""
    path = brightness_film(making.folder / "film.mp4", 10_800, "64x36", "1")
    make_storyboard(making, Film(path, 64, 36, 10_800, 2.0))
    cues = read_webvtt((making.folder / "storyboard.vtt").read_text())
    assert len(cues) == 150
    assert {cue.sheet for cue in cues} == {"storyboard.jpg", "storyboard-2.jpg"}
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(cues))
    assert cues[-1].end_ms == 10_800_000
    for cue in cues[::7]:
        shown = grey(making.folder / cue.sheet, (cue.x, cue.y, cue.width, cue.height))
        assert second_shown(shown) == pytest.approx(cue.start_ms // 1000 % 24, abs=0.5)


@pytest.mark.parametrize(("seconds", "rate"), [(0.04, "25"), (1.0, "1")])
def test_one_frame_is_a_storyboard_of_one_tile_and_a_preview_that_stands(
    making: Making, seconds: float, rate: str
) -> None:
    path = brightness_film(making.folder / "film.mp4", seconds, "48x32", rate)
    film = Film(path, 48, 32, seconds, 2.0)
    make_storyboard(making, film)
    (cue,) = read_webvtt((making.folder / "storyboard.vtt").read_text())
    assert (cue.start_ms, cue.end_ms) == (0, seconds * 1000)
    (sheet,) = streams(making.folder / "storyboard.jpg")
    assert (sheet["width"], sheet["height"]) == (48, 32)
    make_preview(making, film)
    assert read_webp((making.folder / "preview.webp").read_bytes()).pictures == 1


def test_a_gap_without_frames_shows_the_frame_before(making: Making) -> None:
    path = making.folder / "film.mp4"
    picture = "color=gray:s=64x36:r=10:d=6,format=gray,geq=lum='20+30*floor(T+0.001)'"
    ffmpeg(
        *("-f", "lavfi", "-i", f"{picture},select='not(between(t,1.5,4.45))'"),
        *("-c:v", "libx264", "-qp", "10", "-fps_mode", "passthrough", str(path)),
    )
    make_storyboard(making, Film(path, 64, 36, 6.0, 2.0))
    cues = read_webvtt((making.folder / "storyboard.vtt").read_text())
    crops = [(cue.x, cue.y, cue.width, cue.height) for cue in cues]
    shown = [grey(making.folder / "storyboard.jpg", crop) for crop in crops]
    seconds = [round((sum(luma) / len(luma) - 20) / 30) for luma in shown]
    assert seconds == [0, 1, 1, 1, 4, 5]


@pytest.mark.parametrize(("seconds", "pictures"), [(2.0, 16), (12.0, 24), (60.0, 15)])
def test_a_preview_moves_over_the_whole_film(making: Making, seconds: float, pictures: int) -> None:
    path = making.folder / "film.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=426x240:r=10:d={seconds}", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-force_key_frames", "expr:gte(t,n_forced*2)", str(path)),
    )
    assert make_preview(making, Film(path, 426, 240, seconds, 2.0)) == "preview.webp"
    found = read_webp((making.folder / "preview.webp").read_bytes())
    assert (found.width, found.height, found.pictures) == (320, 180, pictures)
    assert found.duration_ms == pytest.approx(1000 * pictures / 8, abs=130)
    assert len(grey(making.folder / "preview.webp")) == 320 * 180 * pictures


def test_the_peaks_of_a_burst_are_where_the_burst_is(making: Making) -> None:
    """A kilohertz from the second second to the third, at half of full scale, left only."""
    path = making.folder / "sound.m4a"
    burst = "aevalsrc='0.5*sin(2*PI*1000*t)*between(t,2,3)|0':s=44100:d=5"
    ffmpeg("-f", "lavfi", "-i", burst, "-c:a", "aac", "-b:a", "192k", str(path))
    make_waveform(making, path)
    data = told(making.folder)
    assert {key: data[key] for key in ("version", "channels", "sample_rate", "bits")} == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "bits": 8,
    }
    assert len(data["data"]) == 2 * data["length"]
    each_s = data["samples_per_pixel"] / 44_100
    assert data["length"] * each_s == pytest.approx(5, abs=0.05)
    loud = [at for at, high in enumerate(data["data"][1::2]) if high > 32]
    assert loud[0] * each_s == pytest.approx(2, abs=0.01)
    assert (loud[-1] + 1) * each_s == pytest.approx(3, abs=0.01)
    assert max(data["data"]) == pytest.approx(64, abs=4)
    assert min(data["data"]) == pytest.approx(-64, abs=4)
    # The picture is bright over the same fifth of its width, and only there.
    luma = grey(making.folder / "waveform.png")
    row = luma[1280 * 90 : 1280 * 91]
    lit = [x for x, value in enumerate(row) if value > 100]
    assert [lit[0], lit[-1]] == pytest.approx([512, 768], abs=6)


def test_silence_is_a_line(making: Making) -> None:
    path = making.folder / "sound.m4a"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "0.3", str(path))
    make_waveform(making, path)
    assert set(told(making.folder)["data"]) == {0}
    luma = grey(making.folder / "waveform.png")
    assert min(luma[1280 * 119 : 1280 * 120]) > 100 > max(luma[: 1280 * 118])


def test_sound_without_a_picture_has_its_waveform_as_poster(making: Making) -> None:
    path = making.folder / "sound.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=f=300:d=1:r=96000", str(path))
    make_poster(tools(), probe(tools(), path, LIMITS), making.folder / "poster.jpg")
    (poster,) = streams(making.folder / "poster.jpg")
    assert (poster["codec_name"], poster["width"], poster["height"]) == ("mjpeg", 1280, 720)
    assert sorted(file.name for file in making.folder.iterdir()) == ["poster.jpg", "sound.flac"]


def test_posters_are_made_in_all_sizes_and_formats_and_look_alike(making: Making) -> None:
    path = make_clip(making.folder / "clip.mp4", seconds=1, size="1920x1080")
    source = probe(tools(), path, LIMITS)
    make_poster(tools(), source, making.folder / "poster.jpg")
    files = make_posters(making, (1280, 640, 320), ("jpeg", "webp"))
    assert [(file.path, file.width, file.height) for file in files] == [
        ("poster.jpg", 1280, 720),
        ("poster.webp", 1280, 720),
        ("poster-640.jpg", 640, 360),
        ("poster-640.webp", 640, 360),
        ("poster-320.jpg", 320, 180),
        ("poster-320.webp", 320, 180),
    ]
    means = []
    for file in files:
        (found,) = streams(making.folder / file.path)
        kind = {"jpeg": "mjpeg", "webp": "webp"}[file.format]
        assert (found["codec_name"], found["width"]) == (kind, file.width)
        luma = grey(making.folder / file.path)
        means.append(sum(luma) / len(luma))
    assert max(means) - min(means) < 2


def test_a_frame_before_the_place_that_is_looked_at_may_be_the_poster(making: Making) -> None:
    path = making.folder / "still.mp4"
    bars = "smptebars=s=128x72:r=25:d=10"
    ffmpeg(
        "-f", "lavfi", "-i", bars, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", str(path)
    )
    source = probe(tools(), path, LIMITS)
    # Key frames at 4, 6 and 8 s are alike, so the first one is as typical as any.
    out = making.folder / "poster.jpg"
    argv = poster_argv(tools().ffmpeg, source, 5.5, out, keys=True)
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    assert streams(out)[0]["codec_name"] == "mjpeg"


@pytest.mark.parametrize(
    ("at", "second"), [("0s", 0), ("3.5s", 3), ("4s", 4), ("25%", 2), ("100%", 9), ("1h", 9)]
)
def test_the_poster_is_the_frame_that_is_shown_at_the_time_asked_for(
    making: Making, at: str, second: int
) -> None:
    path = brightness_film(making.folder / "film.mp4", 10)
    out = making.folder / "poster.jpg"
    make_poster(tools(), probe(tools(), path, LIMITS), out, rule=PosterSettings(at=at))
    assert second_shown(grey(out)) == pytest.approx(second, abs=0.4)


def test_a_raw_stream_that_cannot_be_sought_in_has_its_poster_too(making: Making) -> None:
    film = brightness_film(making.folder / "film.mp4", 10)
    raw = making.folder / "film.h264"
    ffmpeg("-i", str(film), "-c", "copy", "-f", "h264", str(raw))
    out = making.folder / "poster.jpg"
    make_poster(tools(), probe(tools(), raw, LIMITS), out, rule=PosterSettings(at="5.5s"))
    assert second_shown(grey(out)) == pytest.approx(5, abs=0.4)


def test_a_whole_plan_gets_what_its_profile_asks_for(making: Making) -> None:
    path = make_clip(making.folder / "clip.mp4", seconds=3, size="640x360")
    profile = Profile.model_validate(
        {
            "video": {"ladder": [360, 144], "preset": "ultrafast"},
            "poster": {"sizes": [320]},
            "extras": ["storyboard", "preview", "waveform"],
        }
    )
    plan = make_plan(probe(tools(), path, LIMITS), profile)
    steps = [rendition_step(one.name) for one in plan.streams]
    inputs = {step: making.folder / f"{number}.mp4" for number, step in enumerate(steps)}
    encode_unit(tools(), plan, plan.units[0], inputs)
    make_poster(tools(), plan.source, making.folder / "poster.jpg", rule=profile.poster)
    made = make_extras(making, plan, inputs)
    assert {key: value for key, value in made.items() if key != "posters"} == {
        "storyboard": "storyboard.vtt",
        "preview": "preview.webp",
        "waveform": "waveform.png",
        "peaks": "waveform.json",
    }
    assert [poster["path"] for poster in made["posters"]] == ["poster.jpg", "poster.webp"]
    assert all((making.folder / poster["path"]).is_file() for poster in made["posters"])


def test_an_extra_that_cannot_be_made_says_which_and_what_to_do(making: Making) -> None:
    path = making.folder / "film.mp4"
    path.write_text("this is no film")
    with pytest.raises(MediaError, match="The storyboard could not be made") as caught:
        make_storyboard(making, Film(path, 256, 144, 3.0, 2.0))
    assert caught.value.code == "extra_failed"
    assert "profiles.yml" in caught.value.hint


def test_an_extra_of_the_wrong_file_is_found_out(making: Making) -> None:
    (making.folder / "poster.jpg").write_bytes(b"")
    with pytest.raises(MediaError, match="is not right") as empty:
        make_posters(making, (320,), ("jpeg",))
    with pytest.raises(MediaError, match="preview could not be made") as gone:
        make_preview(making, Film(making.folder / "gone.mp4", 256, 144, 1.0, 2.0))
    silent = brightness_film(making.folder / "silent.mp4", 1)
    with pytest.raises(MediaError, match="holds no sound") as mute:
        make_waveform(making, silent)
    assert {error.value.code for error in (empty, gone, mute)} == {"extra_failed"}


def test_a_picture_of_another_size_is_not_what_was_laid_out(making: Making) -> None:
    path = brightness_film(making.folder / "film.mp4", 2)
    board = storyboard(256, 144, 2.0, 2.0)
    make_storyboard(making, Film(path, 256, 144, 2.0, 2.0))
    check_storyboard(making.folder, board)
    with pytest.raises(MediaError, match="it is 320x90, not 320x160"):
        check_storyboard(making.folder, replace(board, tile_height=160))
    with pytest.raises(MediaError, match="does not cover"):
        check_storyboard(making.folder, replace(board, duration_ms=2500))
