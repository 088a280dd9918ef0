"""Say: what the command line prints. Text that no terminal obeys, JSON a line, errors once."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pipeline.printable import printable, printable_lines, whole_letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from pipeline.errors import ReelworksError

#: A pipe has no width: there a table keeps its columns, and nothing is folded.
PIPE_WIDTH = 200


def say(text: str, *, err: bool = False) -> None:
    """Print one line, whatever names of files are in it."""
    click.echo(printable(text), err=err)


def say_lines(text: str) -> None:
    """Print what a tool said: the lines it has."""
    click.echo(printable_lines(text))


def say_json(value: Any, *, indent: int | None = None) -> None:
    r"""Print one value as one line of JSON; signs outside ASCII are escaped in it.

    Bytes of a name that are not UTF-8 are told as the text `\xff`: JSON can't hold them.
    """
    click.echo(json.dumps(_in_whole_letters(value), indent=indent))


def _in_whole_letters(value: Any) -> Any:
    if isinstance(value, str):
        return whole_letters(value)
    if isinstance(value, Mapping):
        return {_in_whole_letters(key): _in_whole_letters(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_whole_letters(one) for one in value]
    return value


def cell(text: str) -> str:
    """Write a name for Rich, which would take `[red]` in it for a colour."""
    from rich.markup import escape

    return escape(printable(text))


def console() -> Console:
    """Give where tables are printed."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def wants_json(words: Sequence[str]) -> bool:
    """Whether `--json` is among the words of a command line."""
    words = list(words)
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def say_error(error: ReelworksError, *, as_json: bool) -> None:
    """Say what went wrong and what to do: to stderr, or as one JSON object to stdout."""
    others: Sequence[ReelworksError] = getattr(error, "others", ())
    if as_json:
        told: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if others:
            told["others"] = [other.message for other in others]
        say_json({"error": told})
        return
    click.echo(f"error: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)
    if others:
        click.echo(f"{len(others)} more: `reelworks config check` lists them.", err=True)
