"""A trap: a file that wants a secret of the machine read, or somebody called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Bait:
    """What a trap is after: a file, and a server on loopback."""

    secret: Path
    url: str
    port: int


@dataclass(frozen=True)
class Trap:
    """`make` writes the file into a folder; `code` is how it is refused.

    None: what is in it besides is a film or sound like any other, and comes out as that.
    """

    name: str
    make: Callable[[Path, Bait], Path]
    code: str | None = "refused_format"
