"""Which encodes are over in a few seconds."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.capacity import Capacity
from pipeline.plan.plan import make_plan
from pipeline.plan.short import is_short
from pipeline.settings.profiles import Profile
from tests.unit.plan.sources import sound, source
from tests.unit.plan.test_ranges import film


@pytest.mark.parametrize(
    ("seconds", "video", "short"),
    [
        (1, {"ladder": [360]}, True),
        (9, {"ladder": [360]}, True),
        (11, {"ladder": [360]}, False),
        (9, {"ladder": [720, 360]}, True),
        (9, {"ladder": [720, 360], "codec": "vp9"}, False),
    ],
)
def test_an_encode_is_short_by_its_length_and_its_pixels(
    seconds: float, video: dict[str, Any], *, short: bool
) -> None:
    plan = make_plan(film(seconds), Profile.model_validate({"video": video}), Capacity())
    assert [is_short(plan, unit) for unit in plan.units] == [short]


@pytest.mark.parametrize(("seconds", "short"), [(9.0, True), (3600.0, False)])
def test_sound_alone_is_short_when_it_does_not_last(seconds: float, *, short: bool) -> None:
    heard = source(audio=(sound(),)).model_copy(update={"video": None, "duration_s": seconds})
    plan = make_plan(heard, Profile(), Capacity())
    assert [is_short(plan, unit) for unit in plan.units] == [short]
