from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.plan.argv import encode_argv
from pipeline.plan.codecs import picture_options
from pipeline.plan.pausing import ticks
from pipeline.plan.plan import Plan
from pipeline.settings.profiles import Profile, TrimSettings
from tests.unit.plan.sources import plan, sound, source


def part(start: str, end: str, *, longest_s: float = 4.0, last_s: float = 9.96) -> Plan:
    trim = TrimSettings.model_validate({"start": start, "end": end})
    return plan(source(longest_s=longest_s, last_pts_s=last_s), Profile(trim=trim))


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("1s", "6s", (0, 1)),
        # As long as a frame may be: it is shown again, ten times a second.
        ("1s", "3s", (0, 20)),
        ("2s", "2.03s", (0, 1)),
    ],
)
def test_a_part_begins_with_what_is_shown_then(
    start: str, end: str, found: tuple[int, int]
) -> None:
    assert ticks(part(start, end)) == found


def test_a_long_part_with_a_single_frame_shows_it_seldom_before_the_end() -> None:
    assert ticks(part("0s", "30s", longest_s=60).model_copy(deep=True)) == (2, 80)
    behind = part("5s", "9s", longest_s=0.04, last_s=2.0)
    assert ticks(behind) == (0, 40)


def test_where_frames_come_often_or_all_is_used_none_is_added() -> None:
    assert ticks(part("1s", "3s", longest_s=0.2)) is None
    assert ticks(plan(source(longest_s=4.0))) is None
    assert ticks(part("1s", "1.5s", longest_s=0.04, last_s=2.0)) is None


def test_where_the_last_frame_is_held_for_its_sound_a_part_only_begins_with_one() -> None:
    audio = (sound(duration_s=10.0),)
    trim = Profile(trim=TrimSettings.model_validate({"start": "1s", "end": "3s"}))
    for longest_s, found in ((4.0, (0, 1)), (0.04, None)):
        made = plan(source(audio=audio, longest_s=longest_s, last_pts_s=2.0), trim)
        assert ticks(made) == found


def test_the_last_frame_of_such_a_part_ends_with_it_and_is_coded_last() -> None:
    made = part("1s", "6s")
    options = picture_options(made, made.videos[0], "libx264", 1)
    assert "if(eq(NEXT_PTS,NOPTS),5.000000/TB-PTS,DURATION)" in options["bsf:v"]
    assert (options["bf"], options["enc_time_base"]) == (0, "filter")
    step = f"rendition:{made.videos[0].name}"
    argv = encode_argv(
        Path("/ffmpeg"),
        made,
        {step: Path("/a.mp4")},
        encoders={made.videos[0].name: "libx264"},
        cores=1,
    )
    graph = " ".join(argv)
    assert "streamselect=inputs=2:map=1" in graph
    assert "round(if(lt(N\\,1)\\,1.000000+if" in graph
