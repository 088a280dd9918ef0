"""What lies beside a source: its sidecar, its marker, the reason why it is in quarantine."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ingest.regular import open_regular
from pipeline.ingest.sidecar import sidecar_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipeline.models import Job

#: Beside a quarantined file lies its reason, in a file of its name with this added.
REASON = ".reason.txt"
#: The longest name that file systems take, bytes.
LONGEST_NAME = 255
#: Letters that tell names apart which were cut.
_MARK = 9


def named(path: Path, *, number: int = 1, ending: str = "") -> Path:
    """Give the path another name: with a number for a copy, and an ending; cut where need be."""
    stem, suffix = path.stem, path.suffix
    counted = "" if number == 1 else f" ({number})"
    whole = f"{stem}{counted}{suffix}{ending}"
    over = len(os.fsencode(whole)) - LONGEST_NAME
    if over > 0:
        mark = "~" + hashlib.sha256(os.fsencode(path.name)).hexdigest()[: _MARK - 1]
        room = max(0, len(os.fsencode(stem)) - over - _MARK)
        short = os.fsencode(stem)[:room].decode("utf-8", "ignore")
        whole = f"{short}{mark}{counted}{suffix}{ending}"
    return path.with_name(whole)


def reason_of(path: Path) -> Path:
    """Name the file that holds the reason why the one at `path` is in quarantine."""
    return named(path, ending=REASON)


def give_reason(job: Job, quarantined: Path) -> None:
    """Write beside a quarantined file why it is there."""
    reason = f"{job.error_message or job.state.value}\n{job.error_hint or ''}\nJob {job.id}\n"
    reason_of(quarantined).write_text(reason)


def bring_sidecar(path: Path, made: Path) -> None:
    """Copy the sidecar of the source at `path` to its new place, `made`, if it has one.

    All of it, also of one that was too long to be read. One that lies there already is left as it
    is. Raises `OSError`.
    """
    try:
        with open_regular(sidecar_of(path)) as file:
            _copy(file, sidecar_of(made))
    except OSError as problem:
        if problem.errno not in (errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise


def _copy(file: BinaryIO, target: Path) -> None:
    try:
        with target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as problem:
        if problem.errno in (errno.EEXIST, errno.ENAMETOOLONG):
            return
        target.unlink(missing_ok=True)
        raise


def clear(path: Path, marker: str | None) -> None:
    """Remove what lies beside a source that was taken away from `path`. Raises `OSError`."""
    for one in _around(path, marker):
        try:
            one.unlink()
        except (FileNotFoundError, IsADirectoryError):
            continue
        except OSError as problem:
            if problem.errno != errno.ENAMETOOLONG:
                raise


def _around(path: Path, marker: str | None) -> list[Path]:
    found = [reason_of(path), sidecar_of(path)]
    if marker is not None:
        found.append(Path(f"{path}{marker}"))
        # One marker may speak of several files of the same stem: the last one takes it away.
        stem = f"{path.stem}."
        if not any(
            one.name.startswith(stem) and one.name != path.stem + marker
            for one in path.parent.iterdir()
        ):
            found.append(path.with_name(path.stem + marker))
    return found
