from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.fields import (
    LEAST,
    Combing,
    combing_argv,
    doubtful,
    in_order,
    places,
    read_combing,
    settled,
    true_order,
)
from pipeline.plan.source import VideoStream
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
    assert not doubtful(picture(1920, 1080, average_rate=50, field_order="progressive"))
    # Fields may be kept one by one.
    assert doubtful(picture(1920, 1080, average_rate=50))
    assert not doubtful(picture(1280, 720))
    assert not doubtful(picture(1920, 1080, codec="vp9"))


def test_a_long_source_is_looked_at_in_three_places_and_a_short_one_once() -> None:
    assert places(source(last_pts_s=10)) == (4.5, 1.0, 8.0)
    assert places(source().model_copy(update={"duration_s": 3.0})) == (0.0,)


def test_a_picture_that_ends_before_its_sound_is_looked_at_while_it_is_there() -> None:
    assert places(source(last_pts_s=5)) == (2.25, 0.5, 4.0)
    assert places(source(last_pts_s=2)) == (0.0,)


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


def fielded(**facts: Any) -> VideoStream:
    """Describe two seconds of 50 packets each."""
    usual = {"frames": 100, "first_pts_s": 0.0, "last_pts_s": 1.98, "steady_rate": 50}
    return picture(1920, 1080, **{**usual, **facts})


@pytest.mark.parametrize(
    ("told", "rate", "order"),
    [("tt", 25, "tt"), ("tt", 25, "progressive"), (None, 50, "tt"), ("bb", 25, "tt")],
)
def test_of_pictures_kept_field_by_field_the_frames_are_counted(
    told: str | None, rate: int, order: str
) -> None:
    found = in_order(fielded(field_order=told, average_rate=rate, missing=4, leading=5), order)
    assert (found.field_order, found.frames) == (order, 50)
    assert found.average_rate == found.steady_rate == Fraction(25)
    assert found.last_pts_s == pytest.approx(1.96)
    assert (found.missing, found.leading) == (2, 3)


@pytest.mark.parametrize(
    ("told", "rate", "order", "codec"),
    [
        # Frames, as many as are told, whatever they are made of.
        ("tt", 50, "tt", "h264"),
        ("progressive", 50, "tt", "h264"),
        (None, 50, None, "h264"),
        ("tt", 25, "tt", "hevc"),
    ],
)
def test_where_each_packet_is_a_frame_all_are_counted(
    told: str | None, rate: int, order: str | None, codec: str
) -> None:
    assert in_order(fielded(field_order=told, average_rate=rate, codec=codec), order).frames == 100
