"""Threads of x264 by each picture's share of the work."""

from __future__ import annotations

import pytest

from pipeline.plan.renditions import VideoRendition
from pipeline.plan.threads import x264_threads
from pipeline.settings.profiles import VideoCodec

LADDER = {"720p": (1280, 720), "480p": (854, 480), "360p": (640, 360), "144p": (256, 144)}


def pictures(sizes: dict[str, tuple[int, int]], codec: VideoCodec) -> list[VideoRendition]:
    return [
        VideoRendition(name=name, width=width, height=height, codec=codec, crf=23)
        for name, (width, height) in sizes.items()
    ]


@pytest.mark.parametrize(
    ("cores", "threads"),
    [
        (1, {"720p": 1, "480p": 1, "360p": 1, "144p": 1}),
        (2, {"720p": 2, "480p": 1, "360p": 1, "144p": 1}),
        (16, {"720p": 14, "480p": 7, "360p": 4, "144p": 1}),
    ],
)
def test_each_rung_has_its_share(cores: int, threads: dict[str, int]) -> None:
    assert x264_threads(pictures(LADDER, "h264"), cores) == threads


def test_a_picture_alone_has_what_x264_would_take() -> None:
    assert x264_threads(pictures({"720p": (1280, 720)}, "h264"), 4) == {"720p": 6}


def test_a_dearer_codec_beside_it_has_the_larger_share() -> None:
    size = (1280, 720)
    both = pictures({"h264": size}, "h264") + pictures({"hevc": size}, "hevc")
    assert x264_threads(both, 4) == {"h264": 2, "hevc": 4}
