from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan.posters import poster_files, poster_time
from pipeline.plan.preview import preview, preview_argv, read_webp
from pipeline.plan.sampling import fitted, smallest_for
from pipeline.plan.storyboard import (
    cues,
    read_webvtt,
    storyboard,
    storyboard_argv,
    webvtt,
)
from pipeline.plan.waveform import (
    MOST_PEAKS,
    PeakReader,
    Peaks,
    peaks_json,
    picture,
    png_size,
    samples_per_peak,
)
from tests.unit.plan.sources import source


@pytest.mark.parametrize(
    ("seconds", "span_ms", "tiles", "key_frames"),
    [
        (0.0, 1000, 1, False),
        (0.04, 1000, 1, False),
        (1.0, 1000, 1, False),
        (1.001, 1000, 2, False),
        (14.0, 1000, 14, False),
        (150.0, 1000, 150, False),
        (150.1, 2000, 76, True),
        (10_800.0, 72_000, 150, True),
        (43_200.0, 288_000, 150, True),
    ],
)
def test_tiles_come_every_second_and_in_long_films_at_key_frames_further_apart(
    seconds: float, span_ms: int, tiles: int, *, key_frames: bool
) -> None:
    board = storyboard(256, 144, seconds, 2.0)
    assert (board.span_ms, board.tiles, board.key_frames) == (span_ms, tiles, key_frames)


@given(
    seconds=st.floats(0, 200_000),
    gop_s=st.floats(0.1, 20),
    width=st.integers(2, 8640),
    height=st.integers(2, 8640),
)
def test_the_webvtt_covers_every_film_without_gap_and_names_tiles_that_are_there(
    seconds: float, gop_s: float, width: int, height: int
) -> None:
    board = storyboard(width, height, seconds, gop_s)
    entries = cues(board)
    assert read_webvtt(webvtt(entries)) == entries
    assert entries[0].start_ms == 0
    assert entries[-1].end_ms == board.duration_ms
    assert all(before.end_ms == after.start_ms for before, after in itertools.pairwise(entries))
    assert all(entry.start_ms < entry.end_ms for entry in entries)
    assert 1 <= board.tiles <= 150
    across, down = board.sheet_size
    assert all(
        entry.x + entry.width <= across and entry.y + entry.height <= down for entry in entries
    )
    assert {entry.sheet for entry in entries} == set(board.sheets)
    places = {(entry.sheet, entry.x, entry.y) for entry in entries}
    assert len(places) == board.tiles


def test_the_webvtt_is_written_as_players_read_it() -> None:
    assert webvtt(cues(storyboard(1280, 720, 1.5, 2.0))) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:01.000\nstoryboard.jpg#xywh=0,0,160,90\n"
        "\n00:00:01.000 --> 00:00:01.500\nstoryboard.jpg#xywh=160,0,160,90\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "WEBVTT\n\n00:00 --> 00:01\nstoryboard.jpg#xywh=0,0,1,1\n",
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nstoryboard.jpg\n",
        "1\n\n00:00:00.000 --> 00:00:01.000\nstoryboard.jpg#xywh=0,0,1,1\n",
    ],
)
def test_what_is_no_storyboard_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        read_webvtt(text)


def test_frames_that_are_not_shown_are_not_decoded() -> None:
    long = storyboard_argv(Path("ffmpeg"), Path("/w/a.mp4"), storyboard(256, 144, 3600, 2.0))
    assert long[long.index("-skip_frame") + 1] == "nokey"
    assert long.index("-skip_frame") < long.index("-i")
    short = storyboard_argv(Path("ffmpeg"), Path("/w/a.mp4"), storyboard(256, 144, 30, 2.0))
    assert "-skip_frame" not in short


@pytest.mark.parametrize(
    ("size", "tile"),
    [
        ((1280, 720), (160, 90)),
        ((720, 1280), (90, 160)),
        ((8000, 100), (160, 2)),
        ((64, 36), (64, 36)),
        ((2, 2), (2, 2)),
    ],
)
def test_a_tile_has_the_films_shape_and_is_never_larger(
    size: tuple[int, int], tile: tuple[int, int]
) -> None:
    assert fitted(*size, 160) == tile


def test_the_smallest_rendition_that_need_not_be_enlarged_is_read() -> None:
    sizes = [(1280, 720), (640, 360), (256, 144)]
    assert smallest_for(sizes, 160) == 2
    assert smallest_for(sizes, 320) == 1
    assert smallest_for(sizes, 2000) == 0


@pytest.mark.parametrize(
    ("seconds", "pictures", "span_ms", "key_frames"),
    [
        (0.04, 1, 40, False),
        (1.0, 8, 125, False),
        (3.0, 24, 125, False),
        (24.0, 24, 1000, False),
        (60.0, 15, 4000, True),
        (10_800.0, 24, 450_000, True),
    ],
)
def test_a_preview_moves_as_the_film_does_or_leaps_over_it(
    seconds: float, pictures: int, span_ms: int, *, key_frames: bool
) -> None:
    wanted = preview(1280, 720, seconds, 2.0)
    assert (wanted.pictures, wanted.span_ms) == (pictures, span_ms)
    assert wanted.key_frames is key_frames
    assert (wanted.width, wanted.height) == (320, 180)
    argv = preview_argv(Path("ffmpeg"), Path("/w/a.mp4"), wanted, Path("/w/p.webp"))
    assert ("-skip_frame" in argv) is key_frames


@pytest.mark.parametrize(
    "data", [b"", b"RIFF\x04\0\0\0WEBP", b"RIFF\xff\0\0\0WEBPVP8X" + b"\0" * 20]
)
def test_a_torn_animation_is_found_out(data: bytes) -> None:
    with pytest.raises(ValueError, match="whole"):
        read_webp(data)


@pytest.mark.parametrize(
    ("seconds", "rate", "each"),
    [(0.0, 48_000, 256), (14.0, 48_000, 256), (60.0, 48_000, 512), (10_800.0, 48_000, 65_536)],
)
def test_there_are_so_many_peaks_as_a_player_can_draw(seconds: float, rate: int, each: int) -> None:
    assert samples_per_peak(seconds, rate) == each
    assert seconds * rate / each <= MOST_PEAKS


def test_peaks_are_read_from_what_ffmpeg_prints_cut_anywhere() -> None:
    printed = b"".join(
        b"frame:%d\nlavfi.astats.Overall.Min_level=%s\nlavfi.astats.Overall.Max_level=%s\n" % one
        for one in (
            (0, b"-0.500000", b"0.250000"),
            (1, b"-1.200000", b"1.200000"),
            (2, b"nan", b"0"),
        )
    )
    for size in (1, 7, len(printed)):
        reader = PeakReader()
        for at in range(0, len(printed), size):
            reader.take(printed[at : at + size])
        assert reader.peaks(48_000, 256) == Peaks(48_000, 256, (-64, -128, 0), (32, 127, 0))


def test_peaks_are_written_as_audiowaveform_writes_them() -> None:
    assert json.loads(peaks_json(Peaks(44_100, 512, (-5, -128), (7, 127)))) == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "samples_per_pixel": 512,
        "bits": 8,
        "length": 2,
        "data": [-5, 7, -128, 127],
    }


@pytest.mark.parametrize("count", [0, 1, 3, 1000])
def test_a_waveform_is_drawn_of_however_few_or_many_peaks(count: int) -> None:
    drawn = picture(Peaks(48_000, 256, (-10,) * count, (10,) * count), 64, 8)
    assert png_size(drawn) == (64, 8)
    with pytest.raises(ValueError, match="whole"):
        png_size(drawn[:-1])


def test_a_poster_is_never_enlarged_and_always_there_as_jpeg() -> None:
    small = poster_files((500, 280), (1280, 640, 320), ("webp",))
    assert [(file.path, file.width, file.height) for file in small] == [
        ("poster.jpg", 500, 280),
        ("poster.webp", 500, 280),
        ("poster-320.webp", 320, 180),
    ]


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("auto", None), ("0s", 0.0), ("1.5s", 1.5), ("25%", 2.5), ("100%", 9.96), ("1h", 9.96)],
)
def test_a_place_past_the_end_is_the_last_frame(at: str, seconds: float | None) -> None:
    assert poster_time(source(), at, (0.0, 10.0)) == seconds
