from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.plan.posters import (
    key_frames_suffice,
    poster_argv,
    poster_choice,
    poster_size,
)
from pipeline.plan.source import Source
from tests.unit.plan.sources import source


@pytest.mark.parametrize(
    ("of", "size"),
    [
        (source(3840, 2160), (1280, 720)),
        (source(640, 360), (640, 360)),
        (source(1080, 1920), (1080, 1920)),
        (source(2160, 3840), (1280, 2276)),
        (source(1920, 1080, rotation=90), (1080, 1920)),
        (source(720, 576, sar=Fraction(64, 45)), (1024, 576)),
        (source(100, 8000), (32, 2560)),
        (source(8000, 100), (1280, 16)),
        (source(1, 1), (2, 2)),
    ],
)
def test_a_poster_has_the_shape_of_the_source_and_is_never_larger(
    of: Source, size: tuple[int, int]
) -> None:
    assert poster_size(of) == size


def test_frames_are_made_small_before_one_is_chosen_so_that_8k_fits_in_memory() -> None:
    arguments = poster_argv(Path("ffmpeg"), source(7680, 4320), 2.0, Path("/w/p.jpg"))
    chain = arguments[arguments.index("-filter_complex") + 1]
    assert chain.index("scale=flags=area:h=720:w=1280") < chain.index("thumbnail=n=25")
    assert arguments[arguments.index("-ss") + 1] == "2.000"
    assert arguments[arguments.index("-frames:v") + 1] == "1"


@pytest.mark.parametrize(
    ("seconds", "frames", "choice"),
    [
        (10.0, 250, (25, 1)),
        (3600.0, 90_000, (38, 2)),
        (3600.0, 3600 * 240, (48, 15)),
        (300.0, 10, (1, 1)),
        (0.04, 1, (1, 1)),
        (0.0, 1, (1, 1)),
    ],
)
def test_a_frame_is_chosen_from_a_short_span_however_fast_or_long_the_source_is(
    seconds: float, frames: int, choice: tuple[int, int]
) -> None:
    of = source(frames=frames).model_copy(update={"duration_s": seconds})
    assert poster_choice(of) == choice


def test_of_a_source_with_many_key_frames_only_those_are_decoded() -> None:
    assert [key_frames_suffice(source(key_frames=count)) for count in (0, 3, 4)] == [
        *(False, False),
        True,
    ]
    of = source(codec="hevc")
    arguments = poster_argv(Path("ffmpeg"), of, 2.0, Path("/w/p.jpg"), keys=True)
    assert arguments[arguments.index("-skip_frame") + 1] == "nokey"
    assert arguments.index("-noaccurate_seek") < arguments.index("-i")
    assert "thumbnail=n=3" in arguments[arguments.index("-filter_complex") + 1]


def test_of_one_whose_decoder_shows_a_frame_at_once_no_more_than_one_is_decoded() -> None:
    arguments = poster_argv(Path("ffmpeg"), source(), 2.0, Path("/w/p.jpg"), keys=True)
    assert arguments[arguments.index("-bsf:0") + 1] == r"noise=drop=gt(n\,0)"
    assert arguments.index("-discard:0") < arguments.index("-i")
    assert "thumbnail" not in " ".join(arguments)


@pytest.mark.parametrize(
    "of",
    [
        source(codec="hevc"),
        source(field_order="tt"),
        source().model_copy(update={"container": "mpegts"}),
    ],
)
def test_where_the_decoder_would_wait_for_more_it_gets_more(of: Source) -> None:
    words = " ".join(poster_argv(Path("ffmpeg"), of, 2.0, Path("/w/p.jpg"), keys=True))
    assert "-bsf" not in words
    assert "thumbnail=n=3" in words


def test_the_beginning_is_read_without_seeking() -> None:
    assert "-ss" not in poster_argv(Path("ffmpeg"), source(), 0.0, Path("/w/p.jpg"))


def test_the_poster_of_an_hdr_source_is_in_ordinary_light() -> None:
    hdr = source(color_transfer="smpte2084", color_primaries="bt2020", color_space="bt2020nc")
    assert "tonemap" in " ".join(poster_argv(Path("ffmpeg"), hdr, 1.0, Path("/w/p.jpg")))


def test_a_source_without_a_picture_has_no_poster() -> None:
    silent = Source(path="/a", bytes=1, container="mp3", duration_s=1.0)
    with pytest.raises(ValueError, match="picture"):
        poster_argv(Path("ffmpeg"), silent, 0.0, Path("/w/p.jpg"))


@pytest.mark.parametrize("keys", [False, True])
def test_the_brightness_of_what_was_chosen_is_told_with_it(keys: bool) -> None:
    arguments = poster_argv(Path("ffmpeg"), source(), 2.0, Path("/w/p.jpg"), keys=keys)
    assert "scale=flags=area:h=18:w=32" in arguments[arguments.index("-filter_complex") + 1]
    assert arguments[arguments.index("rawvideo") + 1 :].count("pipe:1") == 1
