from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.codecs import picture_options
from pipeline.plan.light import read_light, svt_light, x265_light
from pipeline.plan.plan import make_plan
from pipeline.plan.reading import first_frame_argv
from pipeline.plan.source import ContentLight, Mastering, Source
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import picture, source

MASTERING = Mastering(
    red=(0.68, 0.32),
    green=(0.265, 0.69),
    blue=(0.15, 0.06),
    white=(0.3127, 0.329),
    brightest=1000.0,
    darkest=0.0001,
)
CONTENT = ContentLight(most=1000, average=400)
#: As ffprobe prints it.
TOLD: dict[str, Any] = {
    "side_data_type": "Mastering display metadata",
    "red_x": "34000/50000",
    "red_y": "16000/50000",
    "green_x": "13250/50000",
    "green_y": "34500/50000",
    "blue_x": "7500/50000",
    "blue_y": "3000/50000",
    "white_point_x": "15635/50000",
    "white_point_y": "16450/50000",
    "min_luminance": "1/10000",
    "max_luminance": "10000000/10000",
}
LEVELS = {"side_data_type": "Content light level metadata", "max_content": 1000, "max_average": 400}


def frame(*side_data: dict[str, Any]) -> dict[str, Any]:
    return {"frames": [{"side_data_list": list(side_data)}]}


def graded(**facts: Any) -> Source:
    curve: dict[str, Any] = {
        "color_transfer": "smpte2084",
        "color_primaries": "bt2020",
        "pix_fmt": "yuv420p10le",
    }
    return source(640, 360, **curve, color_space="bt2020nc", **facts)


def test_what_the_first_frame_tells_of_its_light_is_read() -> None:
    assert read_light(frame(TOLD, LEVELS)) == (MASTERING, CONTENT)
    assert read_light(frame(LEVELS)) == (None, CONTENT)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"frames": []},
        frame({"side_data_type": "Mastering display metadata", "max_luminance": "1000/1"}),
        frame({**TOLD, "red_x": "34000/0"}),
        frame({**LEVELS, "max_content": 0, "max_average": 0}),
    ],
)
def test_half_of_it_is_of_no_use(told: dict[str, Any]) -> None:
    assert read_light(told) == (None, None)


def test_each_encoder_is_told_in_its_own_steps() -> None:
    video = picture(mastering=MASTERING, content_light=CONTENT)
    assert x265_light(video) == (
        ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
        ":max-cll=1000,400"
    )
    assert svt_light(video) == (
        ":mastering-display=G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)"
        "WP(0.31270,0.32900)L(1000.0000,0.0001):content-light=1000,400"
    )


def test_nothing_is_told_where_nothing_is_known() -> None:
    for video in (None, picture()):
        assert x265_light(video) == svt_light(video) == ""


def test_only_the_hdr_ladder_is_told() -> None:
    video = VideoSettings(codec=("h264", "hevc"), ladder=(240, 144), hdr=True)
    plan = make_plan(graded(mastering=MASTERING, content_light=CONTENT), Profile(video=video))
    told = {
        one.name: "master-display" in picture_options(plan, one, "libx265", 2)["x265-params"]
        for one in plan.videos
        if one.codec == "hevc"
    }
    assert told == {one.name: one.hdr for one in plan.videos if one.codec == "hevc"}
    assert set(told.values()) == {True, False}


def test_a_look_at_the_first_frame_is_behind_the_fence() -> None:
    argv = first_frame_argv(Path("/bin/ffprobe"), "/inbox/-a:b.mp4", 3)
    assert argv[-1] == "file:/inbox/-a:b.mp4"
    assert argv[argv.index("-select_streams") + 1] == "3"
    assert argv[argv.index("-read_intervals") + 1] == "%+#1"
    assert argv[argv.index("-protocol_whitelist") + 1] == "file,pipe"
