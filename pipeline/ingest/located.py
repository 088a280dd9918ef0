"""Located: one file has one name, however it was written: through `..`, or through links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from pipeline.settings.pipeline import WatchFolder


def located(path: Path, folder: WatchFolder | None, *, by_hand: bool = True) -> Path:
    """Give the file's absolute name without `..`; in a watched folder, below the folder's own.

    A link in the folder to a file elsewhere is taken when somebody named it, `by_hand`, and not
    when it was found there. Raises `ReelworksError` (`bad_name`) for a name that is not text,
    which no database, playlist or page could hold, and `outside` for a file that does not lie in
    `folder`.
    """
    _check_is_text(path)
    real = Path(os.path.realpath(path))
    if folder is None:
        # The last part may be a link: its name is the one that was chosen for the file.
        return Path(os.path.realpath(path.absolute().parent), path.name)
    watched = Path(os.path.realpath(folder.path))
    if real.is_relative_to(watched) and real != watched:
        return folder.path / real.relative_to(watched)
    plain = path.absolute()
    if by_hand and ".." not in plain.parts and plain.is_relative_to(folder.path):
        return plain  # a link in the folder, to a file elsewhere
    raise ReelworksError(
        "outside",
        f"{path} does not lie in {folder.path}.",
        "Give the file by its own name, without links and `..`.",
    )


def is_text(path: Path) -> bool:
    """Whether the name can be written in UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_is_text(path: Path) -> None:
    if not is_text(path):
        raise ReelworksError(
            "bad_name",
            f"The name {os.fsencode(path)!r} is not valid UTF-8.",
            "Rename the file; `convmv` repairs names from old systems.",
        )
