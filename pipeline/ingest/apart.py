"""Apart: uploads in a watched folder that another profile than its own is to make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ingest.intake import unknown
from pipeline.ingest.survey import in_batches, survey
from pipeline.printable import printable
from pipeline.settings.pipeline import UPLOADS

if TYPE_CHECKING:
    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder


def apart_in(ready: Runtime, entry: WatchFolder) -> list[WatchFolder]:
    """List the entries of uploads that lie apart in a watched folder, for profiles there are."""
    return [entry.apart(name) for name in _names(entry) if name in ready.settings.profiles]


def without_profile(ready: Runtime, entry: WatchFolder) -> list[str]:
    """Say of which uploads in a watched folder no job is made, as their profile is no more."""
    told = []
    for name in _names(entry):
        if name in ready.settings.profiles:
            continue
        place = entry.apart(name)
        count = sum(len(unknown(ready, place, some)) for some in in_batches(survey(place)))
        if count:
            files = "1 upload waits" if count == 1 else f"{count} uploads wait"
            told.append(
                f"{files} in {printable(str(place.path))}: there is no profile {name!r}. "
                "Add it to profiles.yml, or give them to `reelworks ingest` with --profile."
            )
    return told


def watched_root(folder: WatchFolder) -> Path:
    """Give the watched folder itself, also of an entry of uploads that lie apart in it."""
    above = folder.path.parent
    return above.parent if above.name == UPLOADS else folder.path


def _names(entry: WatchFolder) -> list[str]:
    try:
        with os.scandir(entry.path / UPLOADS) as found:
            return sorted(one.name for one in found if one.is_dir(follow_symlinks=False))
    except OSError:
        return []  # nothing was uploaded, or it can't be read: the folder is told of by its survey
