from __future__ import annotations

import json
from fractions import Fraction

import pytest

from pipeline.media.errors import nothing_to_make
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.profiles import AudioSettings, Profile, TrimSettings, VideoSettings
from tests.unit.plan.sources import plan, record, sound, source, words


def test_all_rungs_and_the_sound_share_one_unit_and_so_one_decode() -> None:
    units = plan(source(audio=(sound(),))).units
    assert len(units) == 1
    assert units[0].steps == (
        "rendition:720p",
        "rendition:480p",
        "rendition:360p",
        "rendition:240p",
        "rendition:144p",
        "rendition:audio",
    )


def test_a_silent_source_has_no_audio_step() -> None:
    made = plan(source())
    assert made.sounds == ()
    assert "rendition:audio" not in made.units[0].steps


def test_nothing_to_make_needs_no_unit() -> None:
    silent = Profile(audio=AudioSettings(enabled=False))
    assert plan(record(), silent).units == ()


def test_words_alone_are_not_worth_a_unit() -> None:
    deaf = Profile(video=VideoSettings(enabled=False))
    assert plan(source(texts=(words(),)), deaf).units == ()


@pytest.mark.parametrize(
    ("gop_s", "segment_s"), [(2, 4), (1, 4), (3, 6), (4, 4), (6, 6), (1.5, 4.5)]
)
def test_a_segment_is_a_whole_number_of_key_frame_distances(gop_s: float, segment_s: float) -> None:
    profile = Profile(video=VideoSettings(gop_seconds=gop_s))
    assert plan(profile=profile).segment_s == pytest.approx(segment_s)


def test_a_plan_is_the_same_after_being_stored_as_json() -> None:
    made = plan(source(audio=(sound(language="fra"),), average_rate="179/6"))
    stored = json.loads(json.dumps(made.model_dump(mode="json")))
    assert Plan.model_validate(stored) == made


def test_a_plan_knows_its_units_by_name() -> None:
    assert plan().unit("all").renditions[0] == "720p"
    with pytest.raises(KeyError):
        plan().unit("none")


@pytest.mark.parametrize(
    ("trim", "span"),
    [
        (None, (0.0, 10.0, 10.0)),
        ({"start": "2s"}, (2.0, 10.0, 8.0)),
        ({"end": "4s"}, (0.0, 4.0, 4.0)),
        ({"start": "2s", "end": "1h"}, (2.0, 10.0, 8.0)),
        ({"start": "20s"}, (20.0, 10.0, 0.0)),
    ],
)
def test_the_used_part_lies_within_the_source(
    trim: dict[str, str] | None, span: tuple[float, float, float]
) -> None:
    cut = Profile(trim=TrimSettings.model_validate(trim) if trim else None)
    made = plan(profile=cut)
    assert (made.start_s, made.end_s, made.duration_s) == span


def test_a_source_without_what_its_profile_asks_for_is_told_what_it_lacks() -> None:
    mute = Profile(audio=AudioSettings(enabled=False))
    assert make_plan(record(sound(0)), mute).units == ()
    refused = nothing_to_make(make_plan(record(sound(0)), mute))
    assert refused.code == "nothing_to_make"
    assert "has no picture" in refused.message
    deaf = Profile(video=VideoSettings(enabled=False))
    assert "has no sound" in nothing_to_make(make_plan(source(), deaf)).message


@pytest.mark.parametrize("trim", [{"start": "1h"}, {"start": "9.99s"}, {"start": "10s"}])
def test_a_trim_that_leaves_nothing_of_a_source_is_told_before_anything_is_made(
    trim: dict[str, str],
) -> None:
    made = plan(source(), Profile(trim=TrimSettings.model_validate(trim)))
    assert made.units == ()
    assert "lasts 10.00 s, of which its `trim`" in nothing_to_make(made).message


def test_a_trim_between_two_slides_leaves_what_is_shown_and_heard_meanwhile() -> None:
    part = Profile(trim=TrimSettings.model_validate({"start": "1s", "end": "4s"}))
    slides = source(frames=2, last_pts_s=5.0, average_rate=Fraction(1, 5))
    assert plan(slides, part).units != ()


def test_a_container_has_one_name() -> None:
    def named(path: str, container: str) -> str:
        return source().model_copy(update={"path": path, "container": container}).container_name

    assert named("/in/a.mov", "mov,mp4,m4a,3gp,3g2,mj2") == "mov"
    assert named("/in/a.M4V", "mov,mp4,m4a,3gp,3g2,mj2") == "mp4"
    assert named("/in/a.bin", "mov,mp4,m4a,3gp,3g2,mj2") == "mp4"
    assert named("/in/a.webm", "matroska,webm") == "webm"
    assert named("/in/a.mka", "matroska,webm") == "matroska"
    assert named("/in/a.mp4", "mpegts") == "mpegts"
