"""A mistake in the configuration, named so that it is found and mended at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: More valid choices than this are not listed in a hint: nobody reads 600 time zones.
MOST_LISTED = 16


class BadValue(ValueError):
    """A value that can't be what its key asks for; `hint` says what would be.

    Validators raise it: pydantic takes it for a mistake because it is a ValueError.
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


class ConfigurationError(ReelworksError):
    """One mistake: where it is, what is written there, and what would be right.

    `line` counts from 1 and is None when nothing is written; `value` is the text as written, with
    references like `${env:NAME}` as they are and None where showing it could tell a secret.
    `variable` names the environment variable that the value came from, instead of a file.
    `others` are further mistakes found in the same reading, so that all can be mended at once.
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
        variable: str = "",
    ) -> None:
        place = "" if file is None else f"{file}:{line}: " if line else f"{file}: "
        source = f"{variable}: " if variable else place
        shown = "" if value is None else f" (it is {value!r})"
        named = f"{key}: " if key else ""
        super().__init__("configuration", f"{source}{named}{problem}{shown}", hint)
        self.problem = problem
        self.file = file
        self.line = line
        self.key = key
        self.value = value
        self.variable = variable
        self.others: tuple[ConfigurationError, ...] = ()


def together(mistakes: Sequence[ConfigurationError]) -> ConfigurationError:
    """Make one error of at least one mistake: the first, which carries the others."""
    first, *others = mistakes
    first.others = tuple(others)
    return first


def nearest(word: str, choices: Iterable[str]) -> str:
    """Suggest the valid choice that looks most like `word`, and list them all if they are few.

    Empty when there are no choices, or too many and none alike.
    """
    known = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    guess = f"Did you mean {known[close[0]]!r}? " if close else ""
    listed = f"Valid: {', '.join(known.values())}." if 0 < len(known) <= MOST_LISTED else ""
    return f"{guess}{listed}".strip()
