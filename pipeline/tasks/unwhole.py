"""What a failed step makes of a source that is gone, changes, or was only just written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.ingest.settling import PATIENCE
from pipeline.ingest.whole import being_written
from pipeline.media.errors import source_gone

if TYPE_CHECKING:
    from pipeline.errors import ReelworksError
    from pipeline.settings.pipeline import WatchFolder
    from pipeline.tasks.origin import Origin

#: A file that was changed so long ago at the least is not about to be, seconds: added to the
#: settling time, as clocks are coarse.
MARGIN_S = 0.1
#: What is said of a file that is another one than was submitted.
CHANGED = "source_changed"
#: What is said of a file that breaks off: it is given as long as one that says so itself.
INCOMPLETE = ("truncated",)
#: What a file that is not whole yet may be taken for. Other errors have other causes.
OF_CONTENT = frozenset(
    {
        *INCOMPLETE,
        *("not_media", "empty", "still_image", "damaged", "unreadable", "nothing_to_make"),
        *("refused_format", "encrypted", "no_poster", "encoder_failed", "verify_failed"),
    }
)


@dataclass(frozen=True)
class Verdict:
    """What a failure means: the error to tell, or that it is not the last word.

    `hold` says why the job waits for the file to be whole; `again_in_s` when the step is to be
    tried once more, as the file may not have been whole yet.
    """

    error: ReelworksError
    hold: str | None = None
    again_in_s: float | None = None


def judge(origin: Origin, entry: WatchFolder | None, error: ReelworksError) -> Verdict:
    """Judge the failure of a step by what its source is now; `entry` is its watched folder.

    In a watched folder somebody looks at the file again, so a job can wait for it; elsewhere a
    file that has changed fails its job.
    """
    try:
        found = origin.path.stat()
    except OSError:
        # What a tool says of a file that went away under it is not what is wrong.
        return Verdict(source_gone(str(origin.path)).telling(error.log) if error.log else error)
    if found.st_size != origin.bytes or found.st_mtime_ns != origin.mtime_ns:
        how = f"it had {origin.bytes} bytes, now it has {found.st_size}"
        if entry is not None:
            return Verdict(error, hold=f"{origin.path.name} has changed since it was found: {how}")
        changed = origin.changed(how).telling(error.log)
        return Verdict(error if error.code == changed.code else changed)
    if entry is None:
        return Verdict(error)
    if error.code == CHANGED:
        # Written anew with size and time as before: its content told.
        return Verdict(error, hold=error.message.removesuffix("."))
    try:
        if being_written(origin.path, follow=True):
            return Verdict(error, hold=f"{origin.path.name} is open for writing")
    except OSError:
        return Verdict(error)
    if error.code not in OF_CONTENT:
        return Verdict(error)
    settle_s = entry.settle_seconds * (PATIENCE if error.code in INCOMPLETE else 1)
    left_s = settle_s + MARGIN_S - (time.time() - found.st_ctime)
    return Verdict(error, again_in_s=left_s if 0 < left_s <= settle_s + 1 else None)
