"""Where the sources of a batch lie, by what is in them: each once, and where its entry says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.models import JobState
from tests.faults.batch import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.models import Job
    from tests.faults.batch import Dropped

#: All folders that sources may lie in.
PLACES = tuple(sorted({*RULES, *(place for rules in RULES.values() for place in rules)}))
REASON = ".reason.txt"


@dataclass(frozen=True)
class Lying:
    """One file of a source's name: the folder it is in, its name there, and its content."""

    folder: str
    name: str
    sha256: str


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lying(media: Path, name: str) -> list[Lying]:
    """Find all files that bear the name of a source, or one made of it: `clip (2).mp4`."""
    mine = re.compile(re.escape(Path(name).stem) + r"(?!\d)")
    return [
        Lying(folder, path.relative_to(media / folder).as_posix(), sha256(path))
        for folder in PLACES
        for path in sorted((media / folder).rglob("*"))
        if mine.search(path.name) and path.is_file() and not path.name.endswith(REASON)
    ]


def misplaced(media: Path, file: Dropped, jobs: Sequence[Job]) -> list[str]:
    """Say what is wrong with where the contents lie that were dropped under one name.

    The last of them lies where its job's end has put it, and in one place only; those that were
    replaced lie in one place at most, and what was never dropped lies nowhere.
    """
    found = lying(media, file.name)
    told = [f"{one.folder}/{one.name}" for one in found]
    wrong = [
        f"{one.folder}/{one.name} has other content than was dropped"
        for one in found
        if one.sha256 not in file.contents
    ]
    for content in file.contents:
        places = [f"{one.folder}/{one.name}" for one in found if one.sha256 == content]
        if len(places) > 1:
            wrong.append(f"the source of {file.name} lies in {len(places)} places: {places}")
    last = [one for one in found if one.sha256 == file.contents[-1]]
    wanted = _wanted(file, jobs)
    if not (file.taken_away and not last) and {one.folder for one in last} != wanted:
        wrong.append(f"the source of {file.name} is in {told}, not in {sorted(wanted)}")
    # A name with a number is for one whose own was taken by other content.
    numbered = [one.name for one in last if one.name != file.name]
    if numbered and len(file.contents) == 1:
        wrong.append(f"the source of {file.name} is called {numbered}")
    return wrong + _unexplained(media, found)


def _wanted(file: Dropped, jobs: Sequence[Job]) -> set[str]:
    """Tell the folder that the last content is to be in, as a set; empty where it is deleted."""
    last = max(jobs, key=lambda job: job.seq, default=None)
    # A copy goes as the file does that it is a copy of: that one's job succeeds.
    state = last.state if last else None if file.jobs else JobState.SUCCEEDED
    if state is None or state is JobState.CANCELLED:
        return {file.folder}
    rule = RULES[file.folder][0 if state is JobState.SUCCEEDED else 1]
    return {"keep": {file.folder}, "delete": set()}.get(rule, {rule})


def _unexplained(media: Path, found: Sequence[Lying]) -> list[str]:
    return [
        f"no reason lies beside the quarantined {one.name}"
        for one in found
        if one.folder == "quarantine" and not (media / one.folder / f"{one.name}{REASON}").is_file()
    ]
