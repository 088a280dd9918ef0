from __future__ import annotations

from typing import Any

import pytest

from pipeline.media.packets import count_packets
from pipeline.media.tracks import (
    audio_of,
    left_out,
    own_duration,
    texts_of,
    unseen_videos,
    video_of,
)

TURNED = (
    "\n00000000:            0       65536           0\n00000001:   -65536           0           0"
)
FLIPPED = (
    "\n00000000:            0       65536           0\n00000001:    65536           0           0"
)
LAST = "\n00000002:            0           0  1073741824\n"


def told(**facts: Any) -> dict[str, Any]:
    return {"index": 0, "codec_name": "h264", "width": 640, "height": 360, **facts}


@pytest.mark.parametrize(("matrix", "mirrored"), [(TURNED, False), (FLIPPED, True)])
def test_a_display_matrix_tells_whether_the_picture_is_mirrored(
    matrix: str, *, mirrored: bool
) -> None:
    data = [{"displaymatrix": matrix + LAST, "rotation": -90}]
    video = video_of(told(side_data_list=data), count_packets(""), captions=False)
    assert (video.rotation, video.mirrored) == (90, mirrored)


def test_a_picture_without_a_matrix_is_not_mirrored() -> None:
    assert not video_of(told(), count_packets(""), captions=False).mirrored


@pytest.mark.parametrize(
    ("time_base", "start_s", "unsteady_s"),
    [("1/1000", 0.021, 0), ("1/600", 0.021, 0.0006667), ("1/25", 0.021, 0.019), (None, 1, 0)],
)
def test_a_coarse_clock_moves_frames_when_it_begins_at_nothing(
    time_base: str | None, start_s: float, unsteady_s: float
) -> None:
    packets = count_packets("".join(f"{number / 25},N/A,0.04,9,0,K_\n" for number in range(9)))
    video = video_of(told(time_base=time_base), packets, captions=False, start_s=start_s)
    assert video.steady_rate == 25
    assert video.unsteady_s == pytest.approx(unsteady_s, abs=1e-6)


def test_frames_come_out_of_a_decoder_as_much_later_as_it_keeps_some_back() -> None:
    packets = count_packets("".join(f"N/A,{number / 25},0.04,9,0,K__\n" for number in range(9)))

    def delay_s(kept: int, container: str = "avi") -> float:
        picture = told(has_b_frames=kept)
        return video_of(picture, packets, captions=False, container=container).delay_s

    assert [delay_s(kept) for kept in (0, 1, 2, 9)] == pytest.approx([0, 0.04, 0.08, 0])
    assert delay_s(2, "mpeg") == 0


def test_where_the_second_frame_waits_the_last_comes_as_much_earlier_than_it_says() -> None:
    packets = count_packets("".join(f"N/A,{at / 25},0.04,9,0,K__\n" for at in (0, 5, 6, 7)))
    picture = told(has_b_frames=2, r_frame_rate="25/1")
    video = video_of(picture, packets, captions=False, container="avi")
    assert (video.delay_s, video.last_pts_s) == pytest.approx((0.24, 0.12))


@pytest.mark.parametrize(
    ("container", "kept", "third", "each_s"),
    [
        ("mxf", 2, "0.08", 0.04),
        ("mxf", 0, "0.08", None),
        ("mxf", 2, "0.2", None),
        ("mov", 2, "0.08", None),
    ],
)
def test_where_every_frame_is_told_to_be_shown_as_it_is_decoded_they_are_counted(
    container: str, kept: int, third: str, each_s: float | None
) -> None:
    lines = (f"{pts},{n / 25},0.04,9,0,K__\n" for n, pts in enumerate(("0", "0.04", third, "0.12")))
    picture = told(has_b_frames=kept)
    packets = count_packets("".join(lines))
    video = video_of(picture, packets, captions=False, container=container)
    assert video.each_s == (each_s and pytest.approx(each_s))


@pytest.mark.parametrize(("told_rate", "rate"), [("60000/1", 25), ("50/1", 50), ("1/1", 1)])
def test_a_file_that_tells_of_absurdly_many_frames_a_second_is_not_believed(
    told_rate: str, rate: int
) -> None:
    packets = count_packets("".join(f"{number / 25},N/A,0.04,9,0,K_\n" for number in range(9)))
    video = video_of(told(avg_frame_rate=told_rate), packets, captions=False)
    assert video.average_rate == rate


@pytest.mark.parametrize(("joined", "lasts_s"), [(False, 101.9), (True, None)])
def test_of_joined_recordings_nothing_tells_how_long_a_sound_lasts(
    *, joined: bool, lasts_s: float | None
) -> None:
    stream = {"index": 1, "codec_type": "audio", "channels": 2, "duration": "101.9"}
    (track,) = audio_of({"streams": [stream]}, count_packets(""), joined=joined)
    assert track.duration_s == lasts_s


@pytest.mark.parametrize(
    ("written", "told"),
    [
        *(("en", "eng"), ("fre", "fra"), ("fra", "fra"), ("pt-BR", "por"), ("ZH", "zho")),
        *(("qaa", "qaa"), ("und", None), ("", None), ("x-klingon", None), ("english", None)),
    ],
)
def test_a_language_has_one_spelling_whichever_the_file_uses(
    written: str, told: str | None
) -> None:
    stream = {"index": 1, "codec_type": "audio", "channels": 2, "tags": {"language": written}}
    (track,) = audio_of({"streams": [stream]}, count_packets(""))
    assert track.language == told


@pytest.mark.parametrize(
    ("margins", "size"),
    [
        ({"crop_top": 8, "crop_bottom": 12, "crop_left": 16, "crop_right": 24}, (600, 340)),
        ({"crop_top": 180, "crop_bottom": 180}, (640, 360)),
        ({"crop_top": 0}, (640, 360)),
    ],
)
def test_edges_that_the_container_cuts_off_are_no_part_of_the_picture(
    margins: dict[str, int], size: tuple[int, int]
) -> None:
    data = [{"side_data_type": "Frame Cropping", **margins}]
    video = video_of(told(side_data_list=data), count_packets(""), captions=False)
    assert (video.width, video.height) == size


def test_subtitles_that_nothing_reads_are_left_out_and_said_so() -> None:
    file = {
        "streams": [
            {"index": 2, "codec_type": "subtitle", "codec_name": "ttml"},
            {"index": 3, "codec_type": "subtitle", "codec_name": "dvd_subtitle"},
        ]
    }
    assert texts_of(file) == ()
    assert left_out(file, None) == (
        "stream 2 (ttml) is subtitles: they can't become text",
        "stream 3 (dvd_subtitle) is subtitles made of pictures: they can't become text",
    )


def test_a_picture_without_a_size_is_one_that_nobody_sees() -> None:
    blind = {"index": 0, "codec_type": "video", "codec_name": "flashsv", "width": 0, "height": 0}
    cover = {**blind, "disposition": {"attached_pic": 1}}
    assert unseen_videos({"streams": [blind, cover, {**blind, "width": 1, "height": 1}]}) == [blind]


@pytest.mark.parametrize(
    ("tags", "lasts_s"),
    [
        ({"DURATION": "01:00:03.500000000"}, 3603.5),
        ({"DURATION-eng": "00:00:03"}, 3.0),
        ({"DURATION-eng": "00:00:03", "DURATION": "00:00:02"}, 2.0),
        ({"DURATION": "3 s"}, None),
        ({"title": "00:00:03"}, None),
    ],
)
def test_a_track_of_a_matroska_file_may_tell_how_long_it_is(
    tags: dict[str, str], lasts_s: float | None
) -> None:
    assert own_duration({"tags": tags}) == lasts_s


@pytest.mark.parametrize("facts", [{"sample_rate": "0"}, {"initial_padding": -9}])
def test_a_sound_that_tells_of_no_rate_is_one_all_the_same(facts: dict[str, Any]) -> None:
    stream = {"index": 1, "codec_type": "audio", "channels": 1, **facts}
    (track,) = audio_of({"streams": [stream]}, count_packets(""))
    assert track.jitter_s is None
