"""Intake: of many files that were found, the new and whole ones, and jobs of them at once."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from pipeline.history import bulk, known, sightings
from pipeline.ingest.copies import copy_is_due
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.settling import PATIENCE
from pipeline.ingest.submit import Wishes, new_job
from pipeline.ingest.survey import has_usable_name
from pipeline.ingest.whole import unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.ingest.survey import Found
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)


def unknown(ready: Runtime, entry: WatchFolder, batch: Iterable[Found]) -> list[Found]:
    """Choose the files for which there is something to do: new, changed, or copies to be moved.

    So are those whose jobs wait for them to be whole, also when nothing of them has changed: who
    had one open may have closed it as it was.

    Nothing is read but the database, once. In a folder with a marker, unmarked files are left out.
    """
    usable = [one for one in batch if (entry.marker is None or one.marked) and has_usable_name(one)]
    keys = {known.key_of(one.path, entry.profile): one for one in usable}
    if not keys:
        return []
    with ready.db.read() as session:
        there = known.look_up(session, list(keys))
    return [
        one
        for key, one in keys.items()
        if (former := there.get(key)) is None
        or not former.is_of(one.identity, one.sidecar)
        or former.is_waited_for
        or (former.state.terminal and copy_is_due(former, Path(one.path), entry))
    ]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not whole yet, and for how long it has been as it is, seconds."""

    found: Found
    quiet_s: float


def sort(
    ready: Runtime, entry: WatchFolder, found: Iterable[Found], *, polled: bool
) -> tuple[list[Found], list[Waiting]]:
    """Tell files that are whole from those that may still be changing.

    On a local file system the kernel keeps when anything of a file was changed last, and knows
    who has it open for writing. In a `polled` folder, what earlier looks saw decides: it is kept
    in the database, so that it holds for whoever looks next.
    """
    files = list(found)
    quiet = _seen_before(ready, files) if polled else _unchanged(files)
    whole, waiting = [], []
    for one in files:
        quiet_s = quiet[one.path]
        if _is_whole(one, entry, quiet_s):
            whole.append(one)
        else:
            waiting.append(Waiting(one, quiet_s))
    return whole, waiting


def forget_seen(ready: Runtime, found: Iterable[Found]) -> None:
    """Forget since when files of a polled folder are as they are: they were submitted."""
    paths = [one.path for one in found]
    ready.db.write(lambda session: sightings.forget(session, paths))


def _seen_before(ready: Runtime, files: list[Found]) -> dict[str, float]:
    if not files:
        return {}
    seen = {one.path: one.identity for one in files}
    try:
        return ready.db.write(lambda session: sightings.see(session, seen))
    except IntegrityError:
        return dict.fromkeys(seen, 0.0)  # somebody else looks at the same moment: next time


def _unchanged(files: list[Found]) -> dict[str, float]:
    at = time.time()
    return {one.path: max(0.0, at - one.changed_ns / 1e9) for one in files}


def _is_whole(one: Found, entry: WatchFolder, quiet_s: float) -> bool:
    if one.downloading or (quiet_s < entry.settle_seconds and not one.marked):
        return False
    path = Path(one.path)
    try:
        patient = one.marked or quiet_s >= entry.settle_seconds * PATIENCE
        return not unfinished(path, patient=patient)
    except OSError:
        return True  # what is wrong with it is told when it is submitted


def create_new(
    ready: Runtime, entry: WatchFolder, batch: Sequence[Found]
) -> tuple[list[str], list[Found]]:
    """Make the jobs of those whole files that are plainly new, many at once.

    Returns the ids of the jobs, which are still to be published, and the files that must be
    submitted one by one: copies, former ones, those with a sidecar or that could not be read.
    """
    contents: dict[str, Found] = {}
    others = []
    for one in batch:
        content = None if one.sidecar else _content(one)
        if content is None or content in contents:
            others.append(one)
        else:
            contents[content] = one
    if not contents:
        return [], others
    wishes = Wishes.of(entry)
    keys = [known.key_of(one.path, entry.profile) for one in contents.values()]

    def act(session: Session) -> tuple[list[str] | None, set[str]]:
        old = bulk.taken(session, list(contents), entry.profile)
        former = known.look_up(session, keys)
        plain = {
            key: (content, one)
            for key, (content, one) in zip(keys, contents.items(), strict=True)
            if content not in old and key not in former
        }
        new = [
            new_job(ready, one.path, one.identity, content, wishes)
            for content, one in plain.values()
        ]
        ids = bulk.create_all(session, new, list(plain)) if new else []
        return ids, {one.path for _, one in plain.values()}

    ids, made = ready.db.write(act)
    if ids is None:
        return [], list(batch)
    return ids, others + [one for one in contents.values() if one.path not in made]


def _content(one: Found) -> str | None:
    """Read the file; None when it can't be, or is no longer what it was: see `submit`."""
    try:
        content = fingerprint(one.path, follow=False)
        same = known.Identity.of(os.lstat(one.path)) == one.identity
    except OSError:
        return None
    return content if same else None
