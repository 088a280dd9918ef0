"""Do the media tools work here?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ffmpeg

from pipeline.media.process import run
from pipeline.media.tools import find_tools, version
from pipeline.stack.checkup import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings

#: A few frames take a fraction of this, seconds.
TRIAL_TIMEOUT_S = 60


def tools(settings: Settings) -> Iterator[Finding]:
    """Run each tool for its version. Raises `MediaError` for the first that is missing."""
    found = find_tools(settings.pipeline.tools)
    for name in ("ffmpeg", "ffprobe", "packager"):
        tool = getattr(found, name)
        yield Finding(name, "ok", f"{version(tool)}, {tool}")


def trial_encode(settings: Settings) -> Iterator[Finding]:
    """Encode a few frames and a little sound: that an encoder is listed does not say it works."""
    picture = ffmpeg.input("testsrc2=size=128x72:rate=25", f="lavfi", t=0.2)
    tone = ffmpeg.input("sine=sample_rate=48000", f="lavfi", t=0.2)
    wanted = {"vcodec": "libx264", "acodec": "aac", "pix_fmt": "yuv420p", "format": "null"}
    spec = ffmpeg.output(picture, tone, "-", **wanted).global_args("-nostdin", "-v", "error")
    program = find_tools(settings.pipeline.tools).ffmpeg
    done = run(ffmpeg.compile(spec, cmd=str(program)), timeout_s=TRIAL_TIMEOUT_S)
    if done.returncode:
        hint = "Use the ffmpeg that comes with Reelworks, or one built with libx264."
        yield Finding("encode", "failed", f"H.264 with AAC: {done.log.strip()}", hint)
    else:
        yield Finding("encode", "ok", "H.264 with AAC works")
