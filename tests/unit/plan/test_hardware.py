"""What hardware encoders are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.argv import encode_argv
from pipeline.plan.codecs import ENCODERS, picture_options
from pipeline.plan.hardware import KINDS, encoder_name, kind_of, small, takes, trial_argv
from pipeline.plan.renditions import VideoRendition
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import plan, source

FFMPEG = Path("/tools/ffmpeg")
PAIRS = [(kind, codec) for kind in KINDS for codec in ENCODERS if kind in ENCODERS[codec]]


def options(kind: Any, codec: Any, **wanted: Any) -> dict[str, Any]:
    made = plan(source(), Profile(video=VideoSettings.model_validate({"codec": codec, **wanted})))
    return picture_options(made, made.videos[0], encoder_name(kind, codec), 2)


def argv(*kinds: Any) -> list[str]:
    made = plan(source(), Profile(video=VideoSettings(ladder=(720, 360))))
    encoders = {
        video.name: encoder_name(kind, "h264") if kind else "libx264"
        for video, kind in zip(made.videos, kinds, strict=True)
    }
    outputs = {step: Path(f"/jobs/{step.partition(':')[2]}.mp4") for step in made.units[0].steps}
    return encode_argv(FFMPEG, made, outputs, encoders=encoders, cores=2)


@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_encoders_are_named_as_ffmpeg_names_them(kind: Any, codec: Any) -> None:
    assert ENCODERS[codec][kind] == encoder_name(kind, codec)
    assert kind_of(encoder_name(kind, codec)) == kind
    assert kind_of(ENCODERS[codec]["cpu"]) is None


@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_key_frames_come_at_the_same_times_as_the_processors(kind: Any, codec: Any) -> None:
    made = options(kind, codec)
    wanted = plan(source())
    processor = picture_options(wanted, wanted.videos[0], "libx264", 2)
    assert made["force_key_frames"] == processor["force_key_frames"]
    assert made["g"] >= 250
    forced = {"nvenc": "forced-idr", "qsv": "forced_idr"}.get(kind)
    assert forced is None or made[forced] == 1
    if kind == "nvenc":
        assert made["no-scenecut"] == 1
    else:
        assert made["flags"] == "+cgop"


@pytest.mark.parametrize(
    ("kind", "codec", "crf", "asked"),
    [
        ("nvenc", "h264", 21, {"rc": "vbr", "cq": 21, "b:v": 0}),
        ("nvenc", "h264", 0, {"cq": 1}),
        ("nvenc", "av1", 40, {"cq": 40}),
        ("qsv", "hevc", 26, {"global_quality": 26}),
        ("qsv", "av1", 63, {"global_quality": 51}),
        ("vaapi", "h264", 23, {"rc_mode": "CQP", "global_quality": 23}),
        ("vaapi", "av1", 32, {"rc_mode": "CQP", "global_quality": 130}),
        ("vaapi", "vp9", 63, {"rc_mode": "CQP", "global_quality": 255, "bf": 0}),
    ],
)
def test_quality_is_told_on_each_kinds_own_scale(
    kind: Any, codec: Any, crf: int, asked: dict[str, Any]
) -> None:
    made = options(kind, codec, crf=crf)
    assert {key: made[key] for key in asked} == asked
    assert "crf" not in made


@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_a_cap_is_kept(kind: Any, codec: Any) -> None:
    made = options(kind, codec, max_bitrate="2M", buffer_seconds=3)
    assert (made["maxrate"], made["bufsize"]) == (2_000_000, 6_000_000)
    if kind == "vaapi":
        assert (made["rc_mode"], made["b:v"]) == ("VBR", 1_500_000)
        assert "global_quality" not in made


@pytest.mark.parametrize(
    ("kind", "preset", "told"),
    [
        ("nvenc", "ultrafast", "p1"),
        ("nvenc", "veryslow", "p7"),
        ("qsv", "ultrafast", "veryfast"),
        ("qsv", "slow", "slow"),
    ],
)
def test_speed_is_told_in_each_kinds_words(kind: Any, preset: str, told: str) -> None:
    assert options(kind, "h264", preset=preset)["preset"] == told


def test_hevc_is_tagged_as_apples_players_want_it() -> None:
    assert {options(kind, "hevc")["tag:v"] for kind in KINDS} == {"hvc1"}


@pytest.mark.parametrize(
    ("codec", "width", "height", "hdr", "taken", "tiny"),
    [
        ("h264", 1920, 1080, False, True, False),
        ("h264", 4096, 2160, False, True, False),
        ("h264", 7680, 4320, False, False, False),
        ("hevc", 7680, 4320, False, True, False),
        ("hevc", 1920, 1080, True, False, False),
        ("h264", 426, 240, False, False, True),
        ("h264", 144, 256, False, False, True),
    ],
)
def test_cards_take_pictures_of_the_sizes_they_were_tried_with(
    codec: Any, width: int, height: int, hdr: bool, taken: bool, tiny: bool
) -> None:
    one = VideoRendition(name="x", width=width, height=height, codec=codec, crf=23, hdr=hdr)
    assert (takes(one), small(one)) == (taken, tiny)


def test_pictures_for_a_card_and_for_the_processor_come_from_one_decode() -> None:
    made = argv("nvenc", None)
    assert made.count("-i") == 1
    graph = made[made.index("-filter_complex") + 1]
    assert graph.count("format=pix_fmts=nv12") == 1
    assert [made[at + 1] for at, word in enumerate(made) if word == "-c:v"] == [
        "h264_nvenc",
        "libx264",
    ]
    assert "-init_hw_device" not in made


def test_vaapi_takes_its_pictures_from_the_cards_memory() -> None:
    made = argv("vaapi", "vaapi")
    graph = made[made.index("-filter_complex") + 1]
    assert graph.count("format=pix_fmts=nv12") == graph.count("hwupload") == 2
    assert made.count("-init_hw_device") == made.count("-filter_hw_device") == 1
    device = made[made.index("-init_hw_device") + 1]
    assert device == f"vaapi={made[made.index('-filter_hw_device') + 1]}"


@pytest.mark.parametrize(("kind", "codec"), PAIRS)
def test_a_trial_asks_for_what_a_job_would(kind: Any, codec: Any) -> None:
    made = trial_argv(FFMPEG, kind, codec)
    wanted = options(kind, codec)
    asked = {word[1:] for word in made if word.startswith("-")}
    own = set(wanted) - {"fps_mode", "enc_time_base", "video_track_timescale"}
    assert own - {"map_metadata", "map_chapters", "f"} <= asked
    assert ("-init_hw_device" in made) == (kind == "vaapi")
