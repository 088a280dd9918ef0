from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan.ladder import ladder
from pipeline.settings.profiles import LADDER
from tests.unit.plan.sources import source


def sizes(width: int, height: int, **facts: Any) -> list[tuple[str, int, int]]:
    rungs = ladder(source(width, height, **facts), LADDER)
    return [(rung.name, rung.width, rung.height) for rung in rungs]


def test_a_full_hd_source_gets_every_rung_up_to_its_own() -> None:
    assert sizes(1920, 1080) == [
        ("1080p", 1920, 1080),
        ("720p", 1280, 720),
        ("480p", 854, 480),
        ("360p", 640, 360),
        ("240p", 426, 240),
        ("144p", 256, 144),
    ]


def test_an_8k_source_gets_all_nine_rungs() -> None:
    names = [name for name, _, _ in sizes(7680, 4320)]
    assert names == [f"{side}p" for side in LADDER]


def test_a_source_between_two_rungs_gets_the_lower_one() -> None:
    assert sizes(640, 272) == [("240p", 564, 240), ("144p", 338, 144)]


def test_one_line_less_than_a_rung_is_not_that_rung() -> None:
    assert sizes(1278, 719)[0] == ("480p", 854, 480)


def test_the_shorter_side_names_the_rungs_of_a_portrait_picture() -> None:
    assert sizes(1080, 1920)[:2] == [("1080p", 1080, 1920), ("720p", 720, 1280)]


def test_a_picture_turned_by_its_file_is_portrait() -> None:
    assert sizes(1920, 1080, rotation=90)[:2] == [("1080p", 1080, 1920), ("720p", 720, 1280)]
    assert sizes(1920, 1080, rotation=180)[0] == ("1080p", 1920, 1080)


def test_long_pixels_are_stretched_to_square_ones() -> None:
    assert sizes(720, 576, sar=Fraction(64, 45))[0] == ("480p", 854, 480)


def test_tall_pixels_are_stretched_too_so_that_no_column_is_lost() -> None:
    assert sizes(1440, 1080, sar=Fraction(1, 2))[0] == ("1440p", 1440, 2160)


def test_pixel_shape_is_taken_before_turning() -> None:
    assert sizes(720, 576, sar=Fraction(64, 45), rotation=270)[0] == ("480p", 480, 854)


def test_an_absurd_pixel_shape_is_not_believed() -> None:
    assert sizes(1920, 1080, sar=Fraction(255, 1))[0] == ("1080p", 1920, 1080)
    assert sizes(1920, 1080, sar=Fraction(1, 255))[0] == ("1080p", 1920, 1080)


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((160, 120), ("120p", 160, 120)),
        ((161, 121), ("121p", 160, 120)),
        ((16, 9), ("9p", 14, 8)),
        ((1, 1), ("1p", 2, 2)),
        ((8000, 100), ("100p", 8000, 100)),
        ((100, 8000), ("100p", 100, 8000)),
    ],
)
def test_a_source_below_the_ladder_gets_one_rendition_of_its_own_size(
    size: tuple[int, int], made: tuple[str, int, int]
) -> None:
    assert sizes(*size) == [made]


def test_a_ladder_of_a_profile_in_any_order_is_made_largest_first() -> None:
    names = [rung.name for rung in ladder(source(1280, 720), (240, 720, 240, 480))]
    assert names == ["720p", "480p", "240p"]


@given(
    width=st.integers(2, 8192),
    height=st.integers(2, 8192),
    rotation=st.sampled_from([0, 90, 180, 270]),
    sar=st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(8, 9), Fraction(2)]),
)
def test_every_rung_is_even_keeps_the_shape_and_never_grows(
    width: int, height: int, rotation: int, sar: Fraction
) -> None:
    shown = source(width, height, rotation=rotation, sar=sar)
    rungs = ladder(shown, LADDER)
    assert rungs
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        # An odd longer side may be rounded up to the next even one, and no further.
        assert rung.width <= shown.display_width + 1
        assert rung.height <= shown.display_height + 1
        shorter = min(shown.display_width, shown.display_height)
        longer = max(shown.display_width, shown.display_height)
        side = min(rung.width, rung.height)
        assert abs(max(rung.width, rung.height) - longer * side / shorter) <= 1


def test_an_odd_side_loses_a_line_and_the_other_side_follows() -> None:
    assert [(rung.width, rung.height) for rung in ladder(source(127, 99), (240,))] == [(126, 98)]
    assert [(rung.width, rung.height) for rung in ladder(source(16, 9), (240,))] == [(14, 8)]


def test_a_single_line_is_doubled_without_growing_longer() -> None:
    assert [(rung.width, rung.height) for rung in ladder(source(8000, 1), (240,))] == [(8000, 2)]
