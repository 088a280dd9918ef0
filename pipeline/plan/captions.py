"""Captions: closed captions (CEA-608/708) that lie in the picture's data, as WebVTT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.reading import DEMUXERS, PROTOCOLS, file_url

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.plan.plan import Plan


def lead_s(plan: Plan) -> float:
    """Give how long after the file the picture begins, seconds: the captions' clock begins then."""
    video = plan.source.video
    if video is None or plan.source.joined:
        return 0.0
    return video.first_pts_s - plan.source.start_s


def captions_argv(program: Path, plan: Plan, output: Path) -> list[str]:
    """Build the command that writes the captions in the picture as WebVTT, all of them.

    Only ffmpeg's `movie` source hands them out as a stream (`subcc`), beside the picture.
    """
    video = plan.source.video
    if video is None:
        raise ValueError("captions lie in a picture")
    fence = f"protocol_whitelist={PROTOCOLS}:format_whitelist={','.join(DEMUXERS)}"
    movie = (
        f"movie=filename={_escaped(file_url(plan.source.path))}"
        f":stream_index={video.index}:format_opts={_escaped(fence)}[out0+subcc]"
    )
    made = ffmpeg.output(
        ffmpeg.input(movie, f="lavfi")["s:0"],
        file_url(output),
        **{"c:s": "webvtt", "f": "webvtt"},
    ).global_args(*QUIET, "-progress", "pipe:1")
    return compiled(made, program)


def _escaped(text: str) -> str:
    """Escape a value for a filter's option inside a graph: twice, as ffmpeg unpacks it twice."""
    for special in ("\\", "'", ":"):
        text = text.replace(special, f"\\{special}")
    for special in ("\\", "'", "[", "]", ",", ";"):
        text = text.replace(special, f"\\{special}")
    return text
