from __future__ import annotations

from typing import Any

import pytest

from pipeline.media.packets import count_packets
from pipeline.media.tracks import audio_of, video_of

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
    (track,) = audio_of({"streams": [stream]})
    assert track.language == told
