"""Naming: a safe name for a file that somebody sends, out of the name they give."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.ingest.candidate import is_candidate

if TYPE_CHECKING:
    from pipeline.settings.pipeline import WatchFolder

#: The longest name a file keeps, bytes: with a number added it fits any file system's 255.
LONGEST_NAME = 200
LONGEST_SUFFIX = 20
#: What is never in a name we give a file: control characters, and what other systems refuse.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f:*?"<>|]')


def accepted_name(given: str, entry: WatchFolder) -> str:
    """Make a safe name of what a sender gave, before a byte of the file is taken.

    Raises `ReelworksError` (`refused_format`) when the folder does not take files named so.
    """
    name = safe_name(given)
    if PurePath(name).suffix.lower() not in entry.extensions:
        raise ReelworksError(
            "refused_format",
            f"{name!r} is not named as a video or audio file.",
            f"Taken are: {', '.join(entry.extensions)}.",
        )
    if not is_candidate(PurePath(name), entry):
        raise ReelworksError(
            "refused_format",
            f"The watched folder ignores files named like {name!r}.",
            "Rename it; what is ignored is listed under `watch` in pipeline.yml.",
        )
    return name


def safe_name(given: str) -> str:
    """Make a file name of what a sender gave: no folders, no control characters, not hidden."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    plain = _UNSAFE.sub("_", last.encode("utf-8", "replace").decode()).strip().lstrip(". ")
    stem, suffix = PurePath(plain or "upload").stem, PurePath(plain).suffix
    if len(suffix.encode()) > LONGEST_SUFFIX:
        stem, suffix = stem + suffix, ""
    room = LONGEST_NAME - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + suffix
