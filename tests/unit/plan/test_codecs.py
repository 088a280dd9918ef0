from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.codecs import ENCODERS, picture_options
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import plan, source


def options(codec: str, **wanted: Any) -> dict[str, Any]:
    made = plan(source(), Profile(video=VideoSettings.model_validate({"codec": codec, **wanted})))
    return picture_options(made, made.videos[0], ENCODERS[made.videos[0].codec]["cpu"], 2)


@pytest.mark.parametrize("codec", list(ENCODERS))
def test_key_frames_come_at_the_same_times_in_every_codec(codec: str) -> None:
    made = options(codec)
    assert made["force_key_frames"] == options("h264")["force_key_frames"]
    assert made["g"] >= 250


@pytest.mark.parametrize(
    ("codec", "cap"),
    [
        ("h264", {"maxrate": 1_000_000, "bufsize": 3_000_000}),
        ("hevc", {"maxrate": 1_000_000, "bufsize": 3_000_000}),
        ("av1", {"maxrate": 1_000_000, "bufsize": 3_000_000}),
        ("vp9", {"b:v": 1_000_000}),
    ],
)
def test_a_cap_holds_over_the_players_buffer(codec: str, cap: dict[str, int]) -> None:
    made = options(codec, max_bitrate="1M", buffer_seconds=3)
    assert {key: made[key] for key in cap} == cap


@pytest.mark.parametrize(
    ("codec", "key", "fast", "slow"),
    [
        ("h264", "preset", "veryfast", "slow"),
        ("hevc", "preset", "veryfast", "slow"),
        ("av1", "preset", 10, 5),
        ("vp9", "cpu-used", 6, 2),
    ],
)
def test_speed_is_told_in_each_encoders_words(codec: str, key: str, fast: Any, slow: Any) -> None:
    assert options(codec, preset="veryfast")[key] == fast
    assert options(codec, preset="slow")[key] == slow


def test_hevc_is_tagged_as_apples_players_want_it() -> None:
    assert options("hevc")["tag:v"] == "hvc1"


def test_an_unknown_encoder_is_a_mistake_of_ours() -> None:
    made = plan()
    with pytest.raises(ValueError, match="libtheora"):
        picture_options(made, made.videos[0], "libtheora", 2)
