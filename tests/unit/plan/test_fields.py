from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.plan.fields import (
    LEAST,
    Combing,
    combing_argv,
    doubtful,
    places,
    read_combing,
    settled,
    true_order,
)
from tests.unit.plan.sources import picture, source


@pytest.mark.parametrize(
    ("told", "seen", "truth"),
    [
        ("tt", Combing(top=60), "tt"),
        ("tt", Combing(bottom=60), "bb"),
        ("bb", Combing(top=60), "tt"),
        ("tt", Combing(progressive=60), "progressive"),
        ("tb", Combing(bottom=60), "tb"),
        ("progressive", Combing(top=60), "tt"),
        ("progressive", Combing(top=24, progressive=36), "tt"),
        ("progressive", Combing(top=4, progressive=56), "progressive"),
        (None, Combing(bottom=50, unclear=10), "bb"),
        (None, Combing(progressive=60), None),
        # Nothing moves, or too little is seen, or both orders are: the file is believed.
        ("tt", Combing(unclear=60), "tt"),
        ("tt", Combing(progressive=5, unclear=55), "tt"),
        ("progressive", Combing(top=20, bottom=20, progressive=20), "progressive"),
    ],
)
def test_what_is_seen_outweighs_what_the_file_says_once_it_is_clear(
    told: str | None, seen: Combing, truth: str | None
) -> None:
    assert true_order(told, seen) == truth


def test_a_picture_is_looked_at_where_its_kind_is_known_to_lie() -> None:
    assert doubtful(picture(640, 360, field_order="tt"))
    assert doubtful(picture(1920, 1080, field_order="progressive"))
    assert doubtful(picture(720, 576, codec="mpeg2video", average_rate=Fraction(30000, 1001)))
    assert doubtful(picture(720, 576, codec="mjpeg"))
    assert doubtful(picture(720, 608, codec="mpeg2video"))
    assert not doubtful(picture(1920, 1080, average_rate=50))
    assert not doubtful(picture(1280, 720))
    assert not doubtful(picture(1920, 1080, codec="vp9"))


def test_a_long_source_is_looked_at_in_three_places_and_a_short_one_once() -> None:
    assert places(source()) == (4.5, 1.0, 8.0)
    assert places(source().model_copy(update={"duration_s": 3.0})) == (0.0,)


def test_a_look_decodes_a_few_frames_from_a_key_frame_on_behind_the_fence() -> None:
    argv = combing_argv(Path("/tools/ffmpeg"), source(index=3), 4.5)
    assert argv[argv.index("-ss") + 1] == "4.500"
    assert argv.index("-noaccurate_seek") < argv.index("-i")
    assert argv[argv.index("-frames:v") + 1] == "12"
    assert "[0:3]idet=intl_thres=1.3[s0]" in argv
    assert "-format_whitelist" in argv
    assert "-noautorotate" not in argv
    assert "-ss" not in combing_argv(Path("/tools/ffmpeg"), source(), 0.0)


def test_a_picture_lying_on_its_side_is_looked_at_as_it_is_coded() -> None:
    argv = combing_argv(Path("/tools/ffmpeg"), source(rotation=270), 0.0)
    assert argv.index("-noautorotate") < argv.index("-i")


def test_what_ffmpeg_prints_at_the_end_is_read_and_its_silence_is_nothing_seen() -> None:
    counts = "TFF:{:6} BFF:{:6} Progressive:{:6} Undetermined:{:6}"
    line = f"[Parsed_idet_0 @ 0x1] Multi frame detection: {counts}\n"
    first, last = line.format(0, 0, 0, 0), line.format(12, 1, 7, 0)
    assert read_combing(first + "[Parsed_idet_0 @ 0x1] Single frame detection\n" + last) == (
        Combing(12, 1, 7, 0)
    )
    assert read_combing("Invalid data found when processing input") == Combing()
    assert Combing(1, 2, 3, 4).plus(Combing(4, 3, 2, 1)) == Combing(5, 5, 5, 5)


def test_one_look_is_enough_where_neither_file_nor_picture_says_fields() -> None:
    plain, marked = picture(field_order="progressive"), picture(field_order="tt")
    assert settled(plain, Combing(progressive=LEAST))
    assert not settled(plain, Combing(progressive=LEAST - 1))
    assert not settled(plain, Combing(top=1, progressive=LEAST))
    assert not settled(marked, Combing(progressive=LEAST))
