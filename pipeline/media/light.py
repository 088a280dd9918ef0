"""See what light an HDR picture was made for: only its first frame may tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.process import run
from pipeline.plan.light import read_light
from pipeline.plan.reading import first_frame_argv

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.source import Source

#: What one look may take, seconds: one frame, perhaps of a slow share.
LOOK_TIMEOUT_S = 120.0


def with_light(
    tools: Tools, source: Source, *, on_tick: Callable[[Progress], None] | None = None
) -> Source:
    """Give the source with the light that its picture was graded for, where that is told (PQ).

    A first frame that can't be decoded tells nothing; encoding will say so. Raises
    `TransientMediaError` (`timeout`, `stalled`).
    """
    video = source.video
    if video is None or video.color_transfer != "smpte2084":
        return source
    path = Path(source.path)
    fence = tools.looking(path, cpu_s=LOOK_TIMEOUT_S)
    argv = first_frame_argv(tools.ffprobe, path, video.index)
    done = run(argv, fence=fence, timeout_s=LOOK_TIMEOUT_S, on_tick=on_tick, keep_output=True)
    try:
        mastering, content = read_light(json.loads(done.output or b"{}"))
    except ValueError:  # it crashed over the file in the midst of its answer
        return source
    told = {"mastering": mastering, "content_light": content}
    return source.model_copy(update={"video": video.model_copy(update=told)})
