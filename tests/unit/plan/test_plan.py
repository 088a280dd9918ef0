from __future__ import annotations

import json

import pytest

from pipeline.plan.encodes import encode_units
from pipeline.plan.plan import Plan, default_audio
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import plan, sound, source


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
    assert made.audio is None
    assert "rendition:audio" not in made.units[0].steps


def test_a_unit_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least one"):
        encode_units((), audio=False, slots=0)


def test_the_default_track_is_heard_else_the_first() -> None:
    first, second = sound(1), sound(2, default=True)
    assert default_audio(source(audio=(first, second))) == second
    assert default_audio(source(audio=(first, sound(2)))) == first
    assert default_audio(source()) is None


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


def test_a_plan_knows_its_rungs_by_name() -> None:
    assert plan().rung("480p").width == 854
    with pytest.raises(KeyError):
        plan().rung("1080p")
