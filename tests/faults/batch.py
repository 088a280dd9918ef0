"""A batch of small clips, dropped into the watched folders, and how each of them is to end."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.media import ffmpeg, make_clip, shared

if TYPE_CHECKING:
    import random

#: Folder → (what becomes of its sources after success, after failure); see `site.configure`.
RULES = {
    "inbox": ("archive", "quarantine"),
    "slow": ("archive", "quarantine"),
    "kept": ("keep", "keep"),
    "deleted": ("delete", "quarantine"),
    # Its archive, `elsewhere`, is a disk of its own where one can be mounted: sources are copied.
    "far": ("elsewhere", "quarantine"),
}
SUCCEEDED = frozenset({"succeeded"})
FAILED = frozenset({"failed"})
#: Real clips, lent or their stand-ins; each copy is made another content by its metadata.
REAL = ("bikes.mp4", "bigbuckbunny.mp4")
#: How many made clips a batch has.
MADE = 3


@dataclass
class Dropped:
    """One file of the batch. `states` are those its job may rightly end in."""

    name: str
    folder: str
    path: Path
    states: frozenset[str] = SUCCEEDED
    #: What `error.code` may be when it failed; empty: any.
    codes: frozenset[str] = frozenset()
    #: Whether the source is taken away by the fault itself, so that it is nowhere.
    taken_away: bool = False
    #: What a user renamed it to in its folder.
    renamed: Path | None = None
    #: The SHA-256 of each content that was put there, in this order.
    contents: list[str] = field(default_factory=list)
    #: How many jobs it makes: a file that is replaced makes another, a copy of another file none.
    jobs: int = 1


@dataclass
class Batch:
    """The files of one round."""

    media: Path
    clips: Path
    number: int
    files: list[Dropped] = field(default_factory=list)
    #: Whether who tells of an end may be killed before that is recorded: then it is told again.
    told_again: bool = False
    #: How each of its jobs had ended when that was checked, by its id.
    ended: dict[str, str] = field(default_factory=dict)

    def drop_usual(self, dice: random.Random) -> None:
        """Drop a few made clips and a real one, each into a folder with rules of its own."""
        folders = ["inbox", "slow", dice.choice(("kept", "deleted", "far"))]
        for folder in folders[:MADE]:
            self.drop(folder, seconds=dice.choice((1, 2)))
        self.drop_real("inbox", dice.choice(REAL))

    def drop(self, folder: str, *, seconds: float = 1, size: str = "320x240") -> Dropped:
        """Make a clip that no other is like, and drop it."""
        name = self._name()
        clip = make_clip(self.clips / name, seconds=seconds, size=size, seed=hash_of(name))
        return self.drop_file(folder, clip, name)

    def drop_real(self, folder: str, real: str) -> Dropped:
        """Drop a copy of a real clip that differs from all others by its metadata."""
        name = self._name()
        self.clips.mkdir(parents=True, exist_ok=True)
        clip = self.clips / name
        ffmpeg("-i", str(shared(real)), "-c", "copy", "-metadata", f"comment={name}", str(clip))
        return self.drop_file(folder, clip, name)

    def drop_large(self, folder: str, size: int) -> Dropped:
        """Make a clip that is easy to work on and takes so many bytes on disk, and drop it."""
        name = self._name()
        clip = make_clip(self.clips / name, seconds=1, seed=hash_of(name))
        with clip.open("ab") as film:
            # A box that players pass over (ISO/IEC 14496-12, "Free Space Box").
            film.write(size.to_bytes(4, "big") + b"free" + bytes(size - 8))
        return self.drop_file(folder, clip, name)

    def drop_copy(self, first: Dropped) -> Dropped:
        """Drop another file of the same content beside one: that one's job serves both."""
        copy = self.drop_file(first.folder, self.clips / first.name)
        copy.jobs = 0
        return copy

    def drop_file(self, folder: str, clip: Path, name: str | None = None) -> Dropped:
        """Drop a file that is there already, as it is."""
        name = name or self._name(clip.suffix)
        target = self.media / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = hashlib.sha256(clip.read_bytes()).hexdigest()
        shutil.copyfile(clip, target)
        self.files.append(Dropped(name, folder, target, contents=[content]))
        return self.files[-1]

    def _name(self, suffix: str = ".mp4") -> str:
        return f"round{self.number}-{len(self.files)}{suffix}"


def hash_of(name: str) -> int:
    """A number for a name: the same in every run, another for each of a run's clips."""
    return zlib.crc32(name.encode()) >> 1
