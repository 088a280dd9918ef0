"""`${env:NAME}` and `${file:PATH}` in any value: secrets stay out of the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")


class MissingSecret(ValueError):
    """A reference that leads nowhere."""


def expand(text: str, environ: Mapping[str, str], root: Path) -> str:
    """Replace every reference by what it names; relative paths are taken from `root`.

    Raises `MissingSecret` when a variable is not set or a file can't be read.
    """

    def replace(match: re.Match[str]) -> str:
        kind, name = match[1], match[2].strip()
        if kind == "env":
            if name not in environ:
                raise MissingSecret(f"the environment variable {name} is not set")
            return environ[name]
        try:
            return (root / Path(name).expanduser()).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise MissingSecret(f"the file {name} can't be read ({error})") from error

    return _REFERENCE.sub(replace, text)
