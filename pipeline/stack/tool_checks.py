"""Do the media tools work here, and which encoders?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media.capabilities import capabilities, encodes
from pipeline.media.tools import find_tools
from pipeline.plan.codecs import ENCODERS
from pipeline.stack.checkup import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings

#: Without it there is no profile that works.
INDISPENSABLE = "libx264"


def tools(settings: Settings) -> Iterator[Finding]:
    """Run each tool for its version. Raises `MediaError` for the first that is missing."""
    found = find_tools(settings.pipeline.tools)
    can = capabilities(found)
    for name in ("ffmpeg", "ffprobe", "packager"):
        yield Finding(name, "ok", f"{getattr(can, name)}, {getattr(found, name)}")


def trial_encode(settings: Settings) -> Iterator[Finding]:
    """Encode a few frames with every encoder of ours: that one is listed does not say it works.

    One that is missing is something wrong only where a profile asks for it, or H.264 has none.
    """
    found = find_tools(settings.pipeline.tools)
    listed = capabilities(found).encoders
    for codec, encoders in ENCODERS.items():
        working = [
            f"{name} ({kind})"
            for kind, name in encoders.items()
            if name in listed and encodes(found.ffmpeg, name)
        ]
        check = "encode" if codec == "h264" else f"encode.{codec}"
        if working:
            yield Finding(check, "ok", f"{codec} with {', '.join(working)}")
            continue
        # Without H.264 hardly a profile works; of the others it depends on what is asked for.
        hint = f"Use the ffmpeg that comes with Reelworks, or one built with {encoders['cpu']}."
        yield Finding(
            check,
            "failed" if INDISPENSABLE in encoders.values() else "warning",
            f"{codec}: no encoder works here",
            hint,
        )
