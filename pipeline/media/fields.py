"""See whether a picture is really interlaced: a look at some frames of a doubtful one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.process import run
from pipeline.plan.fields import (
    Combing,
    combing_argv,
    doubtful,
    in_order,
    places,
    read_combing,
    settled,
    true_order,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.source import Source

#: What one look may take, seconds: a few frames, of which the first may be far on a slow share.
LOOK_TIMEOUT_S = 300.0


def with_true_fields(
    tools: Tools, source: Source, *, on_tick: Callable[[Progress], None] | None = None
) -> Source:
    """Give the source with the order of fields that its picture has, whatever the file says.

    Frames that can't be decoded say nothing; encoding will tell. Raises `TransientMediaError`
    (`timeout`, `stalled`).
    """
    video = source.video
    if video is None or not doubtful(video):
        return source
    seen = Combing()
    fence = replace(tools.fence(reads=[Path(source.path)], cpu_s=LOOK_TIMEOUT_S), file_bytes=0)
    for at_s in places(source):
        argv = combing_argv(tools.ffmpeg, source, at_s)
        looked = run(argv, fence=fence, timeout_s=LOOK_TIMEOUT_S, on_tick=on_tick)
        seen = seen.plus(read_combing(looked.log))
        if settled(video, seen):
            break
    order = true_order(video.field_order, seen)
    return source.model_copy(update={"video": in_order(video, order)})
