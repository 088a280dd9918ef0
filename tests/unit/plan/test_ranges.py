"""When a source is cut into ranges, into how many, and where."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.encodes import EncodeUnit
from pipeline.plan.plan import Plan, make_plan, uncut
from pipeline.plan.range_argv import range_argv
from pipeline.plan.ranges import LEAD_S, LEAST_S, MOST_S, TWICE, how_many, why_whole
from pipeline.plan.source import Source
from pipeline.plan.space import RESERVE, encode_bytes
from pipeline.settings.profiles import Profile
from tests.unit.plan.sources import record, sound, source, words

LADDER = {"ladder": [720, 360]}


def workers(slots: int, **facts: Any) -> Capacity:
    return Capacity(workers=(EncodeWorker(name="encode@a", slots=slots, **facts),))


def film(seconds: float = 60, rate: Fraction = Fraction(25), **facts: Any) -> Source:
    frames = int(seconds * rate)
    usual = {
        "frames": frames,
        "last_pts_s": float((frames - 1) / rate),
        "steady_rate": rate,
        "key_frames": frames // 50,
    }
    beside = {"container": facts.pop("container")} if "container" in facts else {}
    made = source(audio=(sound(),), texts=(words(),), **{**usual, **facts})
    return made.model_copy(update={"duration_s": float(frames / rate), **beside})


def planned(of: Source, capacity: Capacity, **profile: Any) -> Plan:
    return make_plan(of, Profile.model_validate({"video": LADDER, **profile}), capacity)


@pytest.mark.parametrize(
    ("duration_s", "free", "count"),
    [
        (39, 2, 1),
        (40, 2, 2),
        (60, 2, 2),
        (80, 2, 2),
        (120, 2, 4),
        (3600, 2, 6),
        (7200, 2, 12),
        (7200, 8, 16),
        (100, 8, 3),
        (10, 8, 1),
        (7200, 0, 181),
    ],
)
def test_how_many_ranges(duration_s: float, free: int, count: int) -> None:
    assert how_many(duration_s, free) == count
    if 1 < free <= count:
        assert count % free == 0
        assert duration_s / count <= MOST_S


@pytest.mark.parametrize("seconds", [39.9, 40, 64, 79.9, 80, 100, 170, 600, 7200])
@pytest.mark.parametrize("free", [2, 3, 8, 64])
def test_no_more_than_a_share_of_a_source_is_encoded_twice(seconds: float, free: int) -> None:
    cuts = max(how_many(seconds, free) - 1, 0)
    assert cuts * 2 * LEAD_S <= TWICE * seconds
    assert (cuts > 0) is (seconds >= LEAST_S)


def test_each_range_has_all_pictures_and_sounds_and_texts_stay_whole() -> None:
    made = planned(film(60), workers(2))
    assert [(unit.name, unit.kind, unit.renditions) for unit in made.units] == [
        ("range:001", "range", ("720p", "360p")),
        ("range:002", "range", ("720p", "360p")),
        ("sound", "whole", ("audio", "subtitles-1")),
        ("join", "join", ("720p", "360p")),
    ]
    assert [unit.steps for unit in made.units[:2]] == [("range:001",), ("range:002",)]
    assert made.steps == (
        *("rendition:audio", "rendition:subtitles-1", "rendition:720p", "rendition:360p"),
    )
    assert made.notes == ("cut into 2 ranges: 2 encodes are free",)


@pytest.mark.parametrize(
    "rate",
    [Fraction(25), Fraction(30), Fraction(50), Fraction(30_000, 1001), Fraction(24_000, 1001)],
)
def test_a_range_begins_between_two_frames_where_a_segment_begins(rate: Fraction) -> None:
    made = planned(film(170, rate), workers(2))
    first, *others = made.ranges
    assert (first.start_s, made.ranges[-1].end_s, len(others)) == (None, None, 3)
    begun = 0
    for before, unit in zip(made.ranges, others, strict=False):
        begun += before.frames or 0
        assert before.end_s == unit.start_s == pytest.approx(float((begun - Fraction(1, 2)) / rate))
        opened = begun / rate
        # The frame before it is in another segment.
        assert (opened + Fraction(1, 1000)) // 4 == (opened - 1 / rate) // 4 + 1
    video = made.source.video
    assert video is not None
    assert sum(unit.frames or 0 for unit in made.ranges) == video.frames


@pytest.mark.parametrize(
    ("why", "facts"),
    [
        ("its container does not lead to a frame exactly", {"container": "mpegts"}),
        ("its frames don't come at a steady rate", {"steady_rate": None}),
        ("it is interlaced", {"field_order": "tt"}),
        ("it is transparent", {"transparent": True}),
        ("it has holes or leaps", {"missing": 3}),
        ("it has holes or leaps", {"jumps": 1}),
        ("it has holes or leaps", {"leading": 1}),
        ("its picture begins late", {"first_pts_s": 0.5}),
        ("it has too few key frames", {"key_frames": 1}),
        ("it is not certain with which frames its segments begin", {"unsteady_s": 0.002}),
        ("it is shorter than 40 s", {"seconds": 39}),
    ],
)
def test_what_keeps_a_source_whole(why: str, facts: dict[str, Any]) -> None:
    made = planned(film(**facts), workers(2))
    assert [unit.name for unit in made.units] == ["all"]
    assert why_whole(made, made.units, workers(2)) == why


@pytest.mark.parametrize(
    ("why", "profile"),
    [
        ("only a part of it is used", {"trim": {"start": "1s"}}),
        ("its profile wants key frames too close together", {"video": {"gop_seconds": 0.1}}),
        ("a watermark is laid over it", {"watermark": {"file": "/mark.png"}}),
        (
            "its profile caps the bit rate, which an encoder keeps only over what it has seen",
            {"video": {**LADDER, "max_bitrate": "2M"}},
        ),
    ],
)
def test_what_a_profile_keeps_whole(why: str, profile: dict[str, Any]) -> None:
    made = planned(film(), workers(2), **profile)
    assert made.ranges == ()
    assert why_whole(made, made.units, workers(2)) == why


@pytest.mark.parametrize(
    ("why", "capacity"),
    [
        ("fewer than two encodes are free", Capacity()),
        ("fewer than two encodes are free", workers(1)),
        ("fewer than two encodes are free", workers(3, busy=2)),
        ("fewer than two encodes are free", workers(4).model_copy(update={"waiting": 3})),
        ("hardware encodes it", workers(2, hardware={"nvenc": ("h264",)})),
    ],
)
def test_what_the_workers_keep_whole(why: str, capacity: Capacity) -> None:
    made = planned(film(), capacity)
    assert made.ranges == ()
    assert why_whole(made, made.units, capacity) == why


def test_a_film_whose_last_frame_is_held_is_not_cut() -> None:
    track = sound(start_s=0.0, duration_s=90.0)
    longer = film().model_copy(update={"audio": (track,), "duration_s": 90.0})
    made = planned(longer, workers(2))
    assert why_whole(made, made.units, workers(2)) == "its sound goes on after its picture"


def test_sound_alone_is_not_cut() -> None:
    made = planned(record(), workers(2))
    assert why_whole(made, made.units, workers(2)) == "it has no picture"


def test_a_film_without_sound_has_nothing_beside_its_ranges() -> None:
    silent = film().model_copy(update={"audio": (), "texts": ()})
    names = [unit.name for unit in planned(silent, workers(2)).units]
    assert names == ["range:001", "range:002", "join"]


def test_ranges_that_came_out_wrong_are_given_up_for_the_whole() -> None:
    cut = planned(film(), workers(2))
    whole = uncut(cut, "range:002: it failed")
    assert [unit.name for unit in whole.units] == ["all"]
    assert set(whole.units[0].steps) == set(cut.steps)
    assert whole.notes == (*cut.notes, "range:002: it failed")


def test_a_range_needs_its_share_of_the_room() -> None:
    made = planned(film(80), workers(2)).model_copy(update={"sounds": ()})
    parts = sum(encode_bytes(made, unit) - RESERVE for unit in made.ranges)
    join = encode_bytes(made, made.unit("join")) - RESERVE
    assert parts == pytest.approx(join, rel=0.001)


def test_more_is_encoded_than_a_range_and_only_the_range_is_written() -> None:
    made = planned(film(160), workers(4))
    first, second, *_, last = (arguments(made, unit) for unit in made.ranges)
    assert dropped(first) == "gte(pts*tb,39.980000)"
    assert dropped(second) == "lt(pts*tb,39.980000)+gte(pts*tb,79.980000)"
    assert dropped(last) == "lt(pts*tb,119.980000)"
    assert "]trim=end=43.980000[" in graph(first)
    assert "]trim=end=83.980000:start=35.980000[" in graph(second)
    # The spans before it have their key frames, too.
    assert asked(second)[:2] == ["35.998950", "37.998950"]
    assert asked(second)[-1] == "83.998950"


def test_what_comes_before_a_range_may_be_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.plan.ranges.LEAST_S", 4.0)
    made = planned(film(8), workers(2))
    told = arguments(made, made.ranges[1])
    assert dropped(told) == "lt(pts*tb,3.980000)"
    assert "-ss" not in told
    assert "setpts=if(eq(N" in graph(told)
    assert asked(told)[0] == "0.000000"


def arguments(plan: Plan, unit: EncodeUnit) -> list[str]:
    encoders = dict.fromkeys(unit.renditions, "libx264")
    return range_argv(Path("/ffmpeg"), plan, unit, Path("/part"), encoders=encoders, cores=2)


def dropped(told: list[str]) -> str:
    (both,) = {told[told.index(f"-bsf:v:{number}") + 1] for number in (0, 1)}
    return both.removeprefix("noise=amount=0:drop='").removesuffix("'")


def graph(told: list[str]) -> str:
    return told[told.index("-filter_complex") + 1]


def asked(told: list[str]) -> list[str]:
    return told[told.index("-force_key_frames:v:0") + 1].split(",")
