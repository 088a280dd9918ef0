"""Which files of a watched folder are media to ingest: a pure decision by name."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.settings.pipeline import WatchFolder

#: Names, in lower case, that are never whole media: what browsers, copy tools, download managers,
#: synchronisers and editors call files they are still writing, and what systems leave behind.
IGNORED = (
    *("*.part", "*.partial", "*.filepart", "*.tmp", "*.temp", "*.download", "*.crdownload"),
    *("*.opdownload", "*.aria2", "*.!ut", "*.!qb", "*.bc!", "*.ytdl", "*.swp", "*~"),
    *("*.temp.mp4", "*.temp.mkv", "*.temp.webm", "*.temp.m4a"),
    *("~*", "*.octransferid*", "*.~[0-9a-f]*", "thumbs.db", "ehthumbs.db", "desktop.ini"),
)
#: Folders, in lower case, whose files belong to a system and not to people. Hidden ones are
#: left alone too: `.Trash-1000`, `.stversions`, AppleDouble's, rsync's partial ones.
#: `@` and `#` are of Synology and QNAP, `~snapshot` of NetApp, the last three of macOS on shares.
IGNORED_FOLDERS = frozenset(
    (
        *("@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information"),
        *("@recycle", "@recently-snapshot", "@tmp", "~snapshot", "recycler", "lost+found"),
        *("__macosx", "network trash folder", "temporary items"),
    )
)
#: What a folder ends in, in lower case, in which Safari keeps a download until it is whole.
DOWNLOAD_FOLDER = ".download"
#: Beside a file that is being written under its own name lies one with such an ending, as long
#: as that takes: of Firefox, wget and curl, Chromium, aria2, WinSCP, yt-dlp.
COMPANIONS = (".part", ".crdownload", ".aria2", ".filepart", ".ytdl")


def is_candidate(relative: PurePath, folder: WatchFolder) -> bool:
    """Whether a file at `relative` (below the watched folder) is one to ingest.

    Hidden files and folders, unfinished downloads and what the entry ignores are not; neither is
    a file whose extension the entry does not list.
    """
    return names_of(folder.extensions, folder.ignore).takes(str(relative))


@lru_cache(maxsize=64)
def names_of(extensions: tuple[str, ...], ignore: tuple[str, ...]) -> Names:
    """Give the decision for a folder's lists: made once, as a folder may hold 100,000 names."""
    return Names(extensions, ignore)


class Names:
    """Decides by name which files, and which folders, are looked at."""

    def __init__(self, extensions: tuple[str, ...], ignore: tuple[str, ...]) -> None:
        self._extensions = frozenset(extensions)
        self._never = _any_of(IGNORED)
        self._ignored = _any_of(ignore)

    def takes(self, relative: str) -> bool:
        """Whether the file at `relative`, below the watched folder, is one to ingest."""
        *folders, name = relative.split("/")
        return self.takes_file(name, relative) and all(map(self.enters, folders))

    def takes_file(self, name: str, relative: str) -> bool:
        """Whether a file is one to ingest that lies in a folder which is entered."""
        lower = name.lower()
        dot = lower.rfind(".")
        if dot <= 0 or lower[dot:] not in self._extensions or name.startswith("."):
            return False
        if self._never is not None and self._never.match(lower):
            return False
        ignored = self._ignored
        return ignored is None or not (ignored.match(name) or ignored.match(relative))

    def enters(self, folder: str) -> bool:
        """Whether a folder of this name is looked into."""
        lower = folder.lower()
        return not (
            lower.startswith(".") or lower.endswith(DOWNLOAD_FOLDER) or lower in IGNORED_FOLDERS
        )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    written = "|".join(translate(pattern) for pattern in patterns)
    return re.compile(written) if written else None
