"""Is this machine as Reelworks needs it: Python, disks, permissions, limits, ports?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ingest.inotify_limits import Limits, how_to_raise
from pipeline.ingest.located import is_text
from pipeline.ingest.mounts import is_polled
from pipeline.ingest.survey import survey
from pipeline.printable import printable
from pipeline.settings.missing import missing_watermarks
from pipeline.stack import ports
from pipeline.stack.checkup import Finding
from pipeline.stack.presence import HEALTH, page_answers
from pipeline.stack.state import is_held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings
    from pipeline.settings.pipeline import WatchFolder

#: The oldest Python that Reelworks is tested with.
OLDEST_PYTHON = (3, 11)
GIB = 1 << 30
#: Less free space than this fails: a single long film's ladder takes more.
TOO_LITTLE_SPACE = 1 * GIB
LITTLE_SPACE = 10 * GIB
HARD_LINKS = Path("/proc/sys/fs/protected_hardlinks")


def python(_settings: Settings) -> Iterator[Finding]:
    """Look at the version of Python."""
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "failed", version, "Reelworks needs Python 3.11 or newer.")
    else:
        yield Finding("python", "ok", version)


#: More files of impossible names than this are counted, not listed.
MOST_NAMES = 5


def folders(settings: Settings) -> Iterator[Finding]:
    """Look whether we may write to every folder, and how much room there is."""
    paths = settings.pipeline.paths
    wanted = {f"paths.{name}": path for name, path in paths}
    for number, folder in enumerate(settings.pipeline.watch):
        wanted[f"watch.{number}.path"] = folder.path
    for key, path in wanted.items():
        yield _folder(key, path)


def _folder(key: str, path: Path) -> Finding:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as problem:
        hint = f"Give the user that runs Reelworks the right to write there, or change {key}."
        return Finding(key, "failed", f"{path} can't be written to: {problem.strerror}", hint)
    detail = f"{path}, {free / GIB:.1f} GiB free"
    hint = f"Free some space, or point {key} in pipeline.yml to a larger disk."
    if free < TOO_LITTLE_SPACE:
        return Finding(key, "failed", detail, hint)
    return Finding(
        key, "warning" if free < LITTLE_SPACE else "ok", detail, hint if free < LITTLE_SPACE else ""
    )


def watermarks(settings: Settings) -> Iterator[Finding]:
    """Look for the pictures that profiles lay over renditions."""
    missing = missing_watermarks(settings)
    for mistake in missing:
        yield Finding("watermarks", "failed", mistake.message, mistake.hint)
    count = sum(profile.watermark is not None for profile in settings.profiles.values())
    if count and not missing:
        yield Finding("watermarks", "ok", f"{count} there")


def inotify(settings: Settings) -> Iterator[Finding]:
    """Compare the folders to watch with the kernel's limits."""
    watched = [entry.path for entry in settings.pipeline.watch if not _polled(entry)]
    if not watched:
        yield Finding("inotify", "ok", "not needed: every folder is polled, or none is watched")
        return
    # One that is not there yet is made when watching begins.
    needed = sum(max(sum(1 for _ in os.walk(path)), 1) for path in watched)
    limits = Limits.read()
    detail = (
        f"{needed} folders to watch; limits: {limits.max_user_watches} watches, "
        f"{limits.max_user_instances} instances, {limits.max_queued_events} waiting events"
    )
    if too_low := limits.too_low(needed):
        yield Finding("inotify", "failed", detail, how_to_raise(too_low, needed))
    elif low := limits.low(needed):
        yield Finding("inotify", "warning", detail, how_to_raise(low, needed))
    else:
        yield Finding("inotify", "ok", detail)


def _polled(entry: WatchFolder) -> bool:
    try:
        return is_polled(entry)
    except OSError:
        return entry.polling  # it is not there yet


def links(_settings: Settings) -> Iterator[Finding]:
    """Look whether the kernel keeps people from linking to files that they may not read."""
    try:
        protected = HARD_LINKS.read_text().strip() == "1"
    except OSError:
        return
    if protected:
        yield Finding("links", "ok", "nobody can make a hard link to a file that is not theirs")
        return
    detail = "anybody on this machine can make a hard link to any file in a watched folder"
    yield Finding("links", "warning", detail, "As root: `sysctl fs.protected_hardlinks=1`.")


def names(settings: Settings) -> Iterator[Finding]:
    """Look for files in watched folders that are left alone because their names are not text."""
    entries = [entry for entry in settings.pipeline.watch if entry.path.is_dir()]
    found = (Path(one.path) for entry in entries for one in survey(entry))
    wrong = [path for path in found if not is_text(path)]
    hint = "Rename them; `convmv` repairs names from old systems."
    for path in wrong[:MOST_NAMES]:
        yield Finding("names", "warning", f"{printable(str(path))} is not valid UTF-8", hint)
    if len(wrong) > MOST_NAMES:
        yield Finding("names", "warning", f"{len(wrong) - MOST_NAMES} more such files", hint)
    if not wrong:
        yield Finding("names", "ok", "every file in the watched folders has a name in UTF-8")


def setpriv(_settings: Settings) -> Iterator[Finding]:
    """Look for the program that ties an encoder's life to its worker's."""
    found = shutil.which("setpriv")
    if found:
        yield Finding("setpriv", "ok", found)
    else:
        hint = (
            "Install util-linux 2.33 or newer: killed parts then end at once, not a little later."
        )
        yield Finding("setpriv", "warning", "there is no setpriv on the PATH", hint)


def ports_free(settings: Settings) -> Iterator[Finding]:
    """Try the addresses to listen on; those of a running system of ours are taken rightly."""
    state = settings.pipeline.paths.state
    supervised = is_held(state)
    for part in ("web", "flower"):
        listen = getattr(settings.pipeline, part).listen
        # A part that was started alone, as on one machine of several, answers.
        running = supervised or page_answers(listen, HEALTH[part])
        problem = None if running else ports.why_not(listen)
        key = f"{part}.listen"
        if problem is None:
            word = "in use by the running system" if running else "free"
            yield Finding(key, "ok", f"{listen}, {word}")
        else:
            hint = f"Change {key} in pipeline.yml, or stop whoever listens there (`ss -ltnp`)."
            yield Finding(key, "failed", f"{listen}: {problem}", hint)
