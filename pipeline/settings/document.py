"""A YAML file as plain data that remembers on which line each key stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.settings.errors import ConfigurationError
from pipeline.settings.secrets import MissingSecret, expand

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where a value stands: the keys and list indices that lead to it.
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What one file says: `data` is None for an absent or empty file; `lines` count from 1."""

    file: Path
    data: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int | None:
        """Find the line of the value, or of the nearest thing around it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None

    def error(self, place: Place, problem: str, value: object, hint: str) -> ConfigurationError:
        """Build the error about the value at `place`."""
        return ConfigurationError(
            problem,
            file=self.file,
            line=self.line(place),
            key=dotted(place),
            value=value,
            hint=hint,
        )


def dotted(place: Place) -> str:
    """Write a place as people do: `watch[0].profile`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_document(file: Path, environ: Mapping[str, str], root: Path) -> Document:
    """Read one YAML file, with its secrets filled in.

    Raises `ConfigurationError`: unreadable, not YAML, a key twice, a secret that is missing, or
    not a list of keys at the top.
    """
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError:
        return Document(file, None, {})
    except (OSError, UnicodeDecodeError) as error:
        hint = "Make it a readable text file in UTF-8."
        raise ConfigurationError(f"it can't be read: {error}", file=file, hint=hint) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(
            f"it is not YAML: {getattr(error, 'problem', None) or error}",
            file=file,
            line=mark.line + 1 if mark else None,
            hint="Look at the indentation, quotes and colons of this line and the one above.",
        ) from error
    if node is None:
        return Document(file, None, {})
    reader = _Reader(file, environ, root)
    data = reader.read(node, ())
    document = Document(file, data, reader.lines)
    if not isinstance(data, dict):
        hint = "Write `key: value` lines at the top of the file."
        raise ConfigurationError("it holds no keys", file=file, line=1, value=data, hint=hint)
    return document


class _Reader:
    def __init__(self, file: Path, environ: Mapping[str, str], root: Path) -> None:
        self.file, self.environ, self.root = file, environ, root
        self.lines: dict[Place, int] = {}
        self._constructor = yaml.SafeLoader("")

    def read(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]
        value = self._constructor.construct_object(node)
        return self._expanded(value, place) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(self._constructor.construct_object(key_node))
            inner = (*place, key)
            if key in found:
                raise ConfigurationError(
                    "it is written twice",
                    file=self.file,
                    line=key_node.start_mark.line + 1,
                    key=dotted(inner),
                    hint=f"Keep one of them; the first is on line {self.lines[inner]}.",
                )
            self.lines[inner] = key_node.start_mark.line + 1
            found[key] = self.read(value_node, inner)
        return found

    def _expanded(self, value: str, place: Place) -> str:
        try:
            return expand(value, self.environ, self.root)
        except MissingSecret as error:
            raise ConfigurationError(
                str(error),
                file=self.file,
                line=self.lines[place],
                key=dotted(place),
                value=value,
                hint="Set it before starting Reelworks, or write the value itself.",
            ) from error
