"""See that a source is still the file that was probed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError, source_gone

if TYPE_CHECKING:
    from pipeline.plan.source import Source


def check_source(source: Source) -> None:
    """Raise `MediaError` (`source_gone`, `source_changed`) unless the file is as it was."""
    path = Path(source.path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise source_gone(str(path)) from error
    if size != source.bytes:
        raise MediaError(
            "source_changed",
            f"{path.name} has changed since it was found: it had {source.bytes} bytes, "
            f"now it has {size}.",
            "Drop it again once nothing writes to it any more.",
        )
