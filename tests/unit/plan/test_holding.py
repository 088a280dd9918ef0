from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.argv import encode_argv
from pipeline.plan.codecs import picture_options
from pipeline.plan.holding import held, is_slow, is_still, shown_again, silent_until
from pipeline.plan.source import Source
from pipeline.plan.spans import asked_for
from pipeline.settings.profiles import AudioSettings, Profile, TrimSettings, VideoSettings
from tests.unit.plan.sources import picture, plan, sound, source

#: A picture of ten seconds, 25 frames a second, whose sound lasts so long.
SILENT = Profile(audio=AudioSettings(enabled=False))


def beside(ends_s: float | None, **facts: Any) -> Source:
    """Give a source whose sound ends at `ends_s`; None where it does not say."""
    track = sound(start_s=0.0, duration_s=ends_s)
    long_s = max(14.0, ends_s or 0.0)
    return source(audio=(track,), **facts).model_copy(update={"duration_s": long_s})


def test_the_last_frame_is_shown_until_the_sound_ends() -> None:
    found = held(plan(beside(12.5)))
    assert found is not None
    assert found == pytest.approx((9.94, 12.5), abs=1e-6)


def test_where_a_track_does_not_say_when_it_ends_it_ends_with_the_file() -> None:
    found = held(plan(beside(None)))
    assert found is not None
    assert found.until_s == 14.0


@pytest.mark.parametrize("ends_s", [8.0, 10.0, 10.09])
def test_sound_that_ends_with_the_picture_or_before_holds_nothing(ends_s: float) -> None:
    assert held(plan(beside(ends_s))) is None


@pytest.mark.parametrize(("over_s", "until_s"), [(10.0, None), (10.04, 10.04), (13.0, 13.0)])
def test_a_frame_that_the_file_shows_again_is_held_until_it_is_over(
    over_s: float, until_s: float | None
) -> None:
    for made in (plan(source(over_s=over_s)), plan(beside(8.0, over_s=over_s), SILENT)):
        longer = made.source.model_copy(update={"duration_s": 14.0})
        found = held(plan(longer, made.profile))
        assert (found and found.until_s) == pytest.approx(until_s)


def test_nothing_is_held_for_sound_that_is_not_made() -> None:
    assert held(plan(beside(12.5), SILENT)) is None
    assert held(plan(source())) is None


def _argv(ends_s: float) -> list[str]:
    return encode_argv(
        Path("/ffmpeg"),
        plan(beside(ends_s, frames=1, first_pts_s=3.0, last_pts_s=3.0)),
        {f"rendition:{name}": Path(f"/{name}.mp4") for name in ("240p", "144p")},
        encoders={"240p": "libx264", "144p": "libx264"},
        cores=1,
    )


def test_a_single_frame_is_shown_again_until_the_sound_ends() -> None:
    late = plan(beside(9.53, frames=1, first_pts_s=3.0, last_pts_s=3.0))
    assert is_still(late)
    assert shown_again(late) == (0.0, 2, 75)
    assert held(late) == pytest.approx((9.45, 9.53))


def test_a_single_frame_is_scaled_once_and_has_a_clock_that_can_tell_its_times() -> None:
    argv = _argv(9.53)
    (graph,) = [one for one in argv if "setpts" in one and "scale" in one]
    ends = re.findall(
        r"settb=1/90000(\[\w+\]);\1loop=loop=77:size=1(\[\w+\]);\2setpts=[^;]*9000[^;]*(\[\w+\])",
        graph,
    )
    mapped = [after for one, after in pairwise(argv) if one == "-map"]
    assert sorted(last for _, _, last in ends) == sorted(mapped[:2])
    for option, wanted in (
        *(("-enc_time_base", "filter"), ("-bf", "0")),
        ("-force_key_frames", asked_for(4, 9.45)),
    ):
        assert [after for one, after in pairwise(argv) if one == option] == [wanted] * 2


def test_to_long_sound_a_single_frame_is_shown_less_often_but_for_the_end() -> None:
    hour = plan(beside(3600.4, frames=1, last_pts_s=0.0))
    assert shown_again(hour) == (0.0, 3593, 73)
    assert held(hour) == pytest.approx((3600.25, 3600.4))


@pytest.mark.parametrize(("ends_s", "again"), [(0.15, 1), (1.0, 9), (1.001, 9), (1.05, 10)])
def test_the_last_time_a_still_is_shown_takes_what_is_left(ends_s: float, again: int) -> None:
    made = plan(beside(ends_s, frames=1, last_pts_s=0.0))
    hold = held(made)
    assert hold is not None
    assert shown_again(made) == (0.0, 0, again)
    assert hold.after_s < again / 10 < hold.until_s


def test_a_film_or_a_frame_without_sound_is_no_still() -> None:
    assert not is_still(plan(beside(12.5)))
    assert not is_still(plan(source(frames=1, last_pts_s=0.0)))
    assert not is_still(plan(beside(0.05, frames=1, last_pts_s=0.0)))
    assert shown_again(plan(source(frames=1, last_pts_s=0.0))) is None


def test_a_frame_that_is_held_for_long_is_shown_again_and_so_is_the_last_of_a_few() -> None:
    assert shown_again(plan(beside(14.9))) is None
    assert shown_again(plan(beside(15.1))) == (9.96, 0, 51)
    assert shown_again(plan(beside(30.0))) == (9.96, 13, 70)
    few = plan(beside(2.0, frames=4, last_pts_s=0.12))
    assert shown_again(few) == (0.12, 0, 18)
    assert held(few) == pytest.approx((1.87, 2.0))


def test_where_nothing_says_how_often_frames_come_a_film_is_held_as_it_is() -> None:
    assert shown_again(plan(beside(30.0, nominal_rate=None))) is None
    assert shown_again(plan(beside(3.0, nominal_rate=None, frames=1, last_pts_s=0.0))) is not None


@pytest.mark.parametrize(("frames", "slow"), [(11, True), (13, True), (15, False), (250, False)])
def test_frames_that_come_seldom_wait_for_no_later_ones(frames: int, slow: bool) -> None:
    made = plan(source(frames=frames))
    assert is_slow(made) == slow
    assert picture_options(made, made.videos[0], "libx264", 1).get("bf") == (0 if slow else None)


@pytest.mark.parametrize(
    ("trim", "until_s"),
    [
        ({"start": "2s", "end": "12s"}, 10.0),
        ({"start": "2s"}, 10.5),
        ({"end": "9s"}, None),
        ({"start": "11s"}, None),
    ],
)
def test_of_a_part_what_is_used_counts(trim: dict[str, str], until_s: float | None) -> None:
    found = held(plan(beside(12.5), Profile(trim=TrimSettings.model_validate(trim))))
    assert (found and found.until_s) == until_s


def test_where_clocks_leap_nothing_is_known_of_the_end() -> None:
    joined = beside(12.5, jumps=1).model_copy(update={"container": "mpegts"})
    assert held(plan(joined)) is None


def test_a_held_frame_is_a_key_frame_so_that_it_is_coded_last() -> None:
    made = plan(beside(12.5))
    options = picture_options(made, made.videos[0], "libx264", 1)
    assert options["force_key_frames"].endswith("+gte(t,9.940000))")
    assert "gte(PTS*TB,9.940000),12.500000/TB-PTS,DURATION" in options["bsf:v"]
    usual = plan(source())
    assert "bsf:v" not in picture_options(usual, usual.videos[0], "libx264", 1)


@pytest.mark.parametrize(
    ("ends_s", "until_s"), [(8.0, 10.0), (9.89, 10.0), (9.95, None), (10.5, None), (None, 10.0)]
)
def test_silence_follows_sound_that_ends_before_the_picture(
    ends_s: float | None, until_s: float | None
) -> None:
    made = plan(beside(ends_s).model_copy(update={"duration_s": 10.0}))
    found = silent_until(made, made.source.audio[0])
    assert found == (None if until_s is None else pytest.approx(until_s))


def test_every_language_goes_on_as_long_as_the_longest() -> None:
    tracks = (sound(1, duration_s=12.5), sound(2, duration_s=10.0))
    made = plan(source(audio=tracks).model_copy(update={"duration_s": 12.5}))
    assert [silent_until(made, one) for one in tracks] == [None, 12.5]


def test_no_silence_follows_the_end_of_a_part_or_sound_alone() -> None:
    part = plan(beside(8.0), Profile(trim=TrimSettings.model_validate({"end": "5s"})))
    assert silent_until(part, part.source.audio[0]) is None
    alone = plan(beside(8.0), Profile(video=VideoSettings(enabled=False)))
    assert silent_until(alone, alone.source.audio[0]) is None


def test_a_part_with_nothing_of_its_sound_is_silent_also_without_its_picture() -> None:
    late = {"video": {"enabled": False}, "trim": {"start": "5s", "end": "8s"}}
    part = plan(beside(3.0), Profile.model_validate(late))
    assert silent_until(part, part.source.audio[0]) == pytest.approx(3.0)
    heard = plan(beside(6.0), Profile.model_validate(late))
    assert silent_until(heard, heard.source.audio[0]) is None


@pytest.mark.parametrize(("trim", "until_s"), [({"end": "5s"}, 5.0), ({"start": "9s"}, 1.0)])
def test_a_part_with_nothing_of_a_track_is_silent(trim: dict[str, str], until_s: float) -> None:
    track = sound(start_s=6.0, duration_s=2.0)
    part = plan(source(audio=(track,)), Profile(trim=TrimSettings.model_validate(trim)))
    assert silent_until(part, track) == pytest.approx(until_s)
    outputs = {"rendition:audio": Path("/audio.mp4")}
    argv = " ".join(encode_argv(Path("/ffmpeg"), part, outputs, encoders={}, cores=1))
    assert "asetpts=N/SR/TB" in argv
    heard = plan(source(audio=(track,)), Profile(trim=TrimSettings.model_validate({"end": "7s"})))
    argv = " ".join(encode_argv(Path("/ffmpeg"), heard, outputs, encoders={}, cores=1))
    assert "asetpts=N/SR/TB" not in argv


def test_sound_so_short_that_none_of_it_may_be_decoded_is_silent_as_long_as_its_file() -> None:
    track = sound(start_s=0.0, duration_s=None)
    brief = {"duration_s": 0.083, "video": picture(frames=1, last_pts_s=0.0)}
    for facts in (brief, {**brief, "video": None}):
        made = plan(source(audio=(track,)).model_copy(update=facts))
        assert silent_until(made, track) == pytest.approx(0.083)
    longer = plan(source(audio=(track,)).model_copy(update={"duration_s": 0.2, "video": None}))
    assert silent_until(longer, track) is None


def test_no_silence_follows_where_the_file_tells_that_it_begins_behind_its_picture() -> None:
    told = beside(None, last_pts_s=9.96).model_copy(update={"start_s": 20.0, "duration_s": -5.0})
    made = plan(told)
    assert silent_until(made, made.source.audio[0]) is None
