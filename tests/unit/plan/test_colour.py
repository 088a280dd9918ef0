from __future__ import annotations

from pipeline.plan.colour import (
    BT709,
    GAMUT_MAP,
    TONE_MAP,
    colours,
    common_matrix,
    scaled_colours,
    screen_colours,
    told_colours,
)
from tests.unit.plan.sources import picture

UNTOLD = {
    "color_space": None,
    "color_primaries": "unknown",
    "color_transfer": None,
    "color_range": None,
}


def test_a_source_that_tells_its_colours_is_believed() -> None:
    video = picture(color_space="bt2020nc", color_primaries="bt2020", color_transfer="bt2020-10")
    assert colours(video) == ("bt2020", "bt2020-10", "bt2020nc")
    assert told_colours(video) == {}
    assert scaled_colours(video) == {"out_range": "tv"}


def test_an_untagged_hd_source_is_taken_for_bt709_in_all_its_rungs() -> None:
    video = picture(1280, 720, **UNTOLD)
    assert colours(video) == BT709
    assert told_colours(video) == {
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "range": "tv",
    }


def test_a_source_that_tells_only_its_wide_matrix_has_wide_colours() -> None:
    video = picture(1280, 720, **{**UNTOLD, "color_space": "bt2020nc"})
    assert colours(video) == ("bt2020", "bt709", "bt2020nc")
    assert screen_colours(video) == GAMUT_MAP


def test_an_untagged_sd_source_is_taken_for_sd() -> None:
    assert colours(picture(720, 480, **UNTOLD)).matrix == "smpte170m"
    assert colours(picture(720, 576, **UNTOLD)) == ("bt470bg", "smpte170m", "bt470bg")


def test_full_range_is_brought_to_the_range_of_video() -> None:
    video = picture(pix_fmt="yuvj420p", color_range=None, color_space="smpte170m")
    assert "range" not in told_colours(video)
    assert scaled_colours(video)["out_range"] == "tv"


def test_red_green_and_blue_become_bt709() -> None:
    for facts in ({"pix_fmt": "bgra"}, {"pix_fmt": "gbrp10le"}, {"color_space": "gbr"}):
        video = picture(320, 240, **{**UNTOLD, **facts})
        assert scaled_colours(video)["out_color_matrix"] == "bt709"
        assert "colorspace" not in told_colours(video)


def test_a_matrix_that_players_do_not_know_is_converted() -> None:
    assert scaled_colours(picture(color_space="ycgco"))["out_color_matrix"] == "bt709"


def test_light_and_colours_that_ordinary_screens_lack_are_mapped() -> None:
    assert screen_colours(picture(color_transfer="smpte2084")) == TONE_MAP
    assert screen_colours(picture(color_primaries="bt2020")) == GAMUT_MAP
    assert screen_colours(picture(color_primaries="smpte432")) == GAMUT_MAP
    assert screen_colours(picture()) == ()
    assert screen_colours(picture(color_primaries="bt470bg")) == ()


def test_another_decoder_is_told_all_colours_again() -> None:
    assert told_colours(picture(decoder="libvpx")) == {
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
    }


def test_a_matrix_that_is_not_let_through_is_changed_first() -> None:
    assert common_matrix(picture(color_space="ycgco")) == "bt709"
    assert common_matrix(picture(color_space="bt2020c", color_primaries="bt2020")) == "bt2020nc"
    assert common_matrix(picture()) is None


def test_linear_light_is_brought_to_that_of_screens() -> None:
    assert screen_colours(picture(color_transfer="linear")) == GAMUT_MAP
