"""Verifying: output folders are compared with what was recorded of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.cli.say import say
from pipeline.errors import ReelworksError
from pipeline.history import published
from pipeline.history.errors import JobNotFound, WrongState
from pipeline.media import checksums
from pipeline.media.checksums import JOB_FILE, NotRecorded, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.cli.context import Cli
    from pipeline.history.published import Published

#: A job's id, or a beginning of one that is worth looking for.
_ID = re.compile(r"[0-9a-fA-F]{4,32}")
State = Literal["ok", "damaged", "gone", "unchecked"]


@dataclass(frozen=True)
class Checked:
    """One output folder, compared with what was recorded of it."""

    directory: Path
    job_id: str | None
    state: State
    files: int
    bytes: int
    problems: tuple[Problem, ...]


def checked(cli: Cli, what: tuple[str, ...]) -> Iterator[Checked]:
    """Check output folders: those that are named by path or job, else all; one after the other.

    Raises `ReelworksError` (`no_such_file`, `no_such_job`, `wrong_state`).
    """
    if not what:
        yield from _library(cli)
        return
    history = _History(cli)
    for one in what:
        if os.path.lexists(one):
            yield from _below(history, Path(one).absolute())
        elif _ID.fullmatch(one):
            yield _of_job(cli, one)
        else:
            raise ReelworksError(
                "no_such_file",
                f"There is no {one}, and it is no job's id.",
                "Name an output folder, a folder above some, or a job's id.",
            )


def _library(cli: Cli) -> Iterator[Checked]:
    """Check what the history knows, and then folders in the library that it does not."""
    known = set[Path]()
    last = ""
    while page := _page(cli, last):
        for one in page:
            known.add(Path(one.directory))
            found = _still(cli, one)
            if found is not None:
                yield found
        last = page[-1].job_id
    for folder in _folders(cli.settings.pipeline.paths.library):
        if folder not in known:
            yield _check(folder)


def _page(cli: Cli, after: str) -> list[Published]:
    # No transaction stays open while terabytes are read: SQLite could not tidy up meanwhile.
    with cli.runtime.db.read() as session:
        return published.page(session, after)


def _still(cli: Cli, one: Published) -> Checked | None:
    """Check a folder; once more where it was made again since it was listed, None if removed."""
    found = _known(one)
    if found.state in ("ok", "unchecked"):
        return found
    try:
        with cli.runtime.db.read() as session:
            now = published.of_job(session, one.job_id)
    except JobNotFound:
        return None
    if now is None:
        return None
    return found if now == one else _known(now)


class _History:
    """What the history remembers of folders; it may be out of reach, or another system's."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self._asked = True

    def of(self, folder: Path) -> Published | None:
        """Find what is remembered of a folder that lies where it was published."""
        if not self._asked:
            return None
        try:
            job_id = checksums.recorded(folder).job_id
            with self._cli.runtime.db.read() as session:
                one = published.of_job(session, job_id)
        except (NotRecorded, JobNotFound):
            return None
        except ReelworksError as problem:
            self._asked = False
            say(f"Checked without the history: {problem.message}", err=True)
            return None
        # A copy elsewhere is nobody's, and may be of an earlier run.
        return one if one is not None and Path(one.directory) == folder else None


def _below(history: _History, path: Path) -> Iterator[Checked]:
    """Check the output folders at and below a path, by the history too where it can be asked."""
    found = False
    for folder in _folders(path):
        found = True
        yield _check(folder, history.of(folder))
    if not found:
        raise ReelworksError(
            "no_such_file",
            f"There is no output folder at or below {path}: none has a {JOB_FILE}.",
            "Name an output folder of the library, or a folder above some.",
        )


def _of_job(cli: Cli, prefix: str) -> Checked:
    with cli.runtime.db.read() as session:
        one = published.of_job(session, prefix)
    if one is None:
        raise WrongState(
            f"Job {prefix} has no results in the library.",
            f"`reelworks show {prefix}` tells where it stands.",
        )
    return _known(one)


def _folders(path: Path) -> Iterator[Path]:
    """Find the output folders at and below a path, in order of name; hidden ones are not."""
    for folder, below, files in os.walk(path):
        if JOB_FILE in files:
            below.clear()
            yield Path(folder)
        below[:] = sorted(name for name in below if not name.startswith("."))


def _known(one: Published) -> Checked:
    folder = Path(one.directory)
    if not folder.is_dir():
        return Checked(folder, one.job_id, "gone", 0, 0, ())
    return _check(folder, one)


def _check(folder: Path, known: Published | None = None) -> Checked:
    job_id = known.job_id if known else None
    try:
        said = checksums.recorded(folder)
    except NotRecorded as why:
        lost = Problem(JOB_FILE, "unreadable", str(why))
        return Checked(folder, job_id, "damaged", 0, 0, (lost,))
    if said.files is None:
        return Checked(folder, said.job_id, "unchecked", 0, 0, ())
    problems = [*_of_job_file(folder, known), *checksums.compare(folder, said.files)]
    damaged = any(problem.harmful for problem in problems)
    return Checked(
        directory=folder,
        job_id=said.job_id,
        state="damaged" if damaged else "ok",
        files=len(said.files),
        bytes=sum(file.bytes for file in said.files),
        problems=tuple(problems),
    )


def _of_job_file(folder: Path, known: Published | None) -> Iterator[Problem]:
    """Compare `job.json` itself with what the history remembers of it."""
    wanted = known.job_file_sha256 if known else None
    if wanted is not None and checksums.sha256(folder / JOB_FILE) != wanted:
        yield Problem(JOB_FILE, "changed", "it is not the one that was published")
