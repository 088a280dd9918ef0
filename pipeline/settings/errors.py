"""A mistake in the configuration, named so that it is found and mended at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ConfigurationError(ReelworksError):
    """One mistake: where it is, what stands there, and what would be right.

    `line` counts from 1 and is None when the key is missing; `others` are further mistakes found
    in the same reading, so that all can be mended at once.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        key: str = "",
        value: object = None,
        hint: str = "",
        others: tuple[ConfigurationError, ...] = (),
    ) -> None:
        place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        shown = "" if value is None else f" (it is {value!r})"
        named = f"{key}: " if key else ""
        super().__init__("configuration", f"{place}{named}{problem}{shown}", hint)
        self.problem = problem
        self.file = file
        self.line = line
        self.key = key
        self.value = value
        self.others = others


def nearest(word: str, choices: Iterable[str]) -> str:
    """Suggest the valid choice that looks most like `word`, and list the rest if they are few."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]!r}? Valid: {', '.join(known)}."
    return f"Valid: {', '.join(known)}." if known else "Nothing is valid here."
