"""A YAML file as plain data that remembers on which line each key stands, and what was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.settings.errors import BadValue, ConfigurationError
from pipeline.settings.secrets import expand, is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where a value stands: the keys and list indices that lead to it.
Place = tuple[str | int, ...]

_MAPPING, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_MERGE = "tag:yaml.org,2002:merge"
#: A cron line that YAML takes for something else.
_CRON_LINE = re.compile(r"""\bcron["']?:\s+[*@]""")
#: What making values of them raises: YAML's own errors, and Python's for `!!int ""` and the like.
_NO_VALUE = (yaml.YAMLError, ValueError, AttributeError, LookupError, TypeError, ArithmeticError)
#: A stranger's file has no more levels of sections and lists in each other.
DEEPEST = 8


@dataclass(frozen=True)
class Document:
    """What one file says.

    `data` is None for an absent, empty or unreadable file; `lines` count from 1; `written` holds
    the text of single values as it is in the file; `variables` names the environment variables
    that took the place of values; `problems` are the mistakes found while reading.
    """

    file: Path
    data: dict[str, Any] | None = None
    lines: Mapping[Place, int] = field(default_factory=dict)
    written: Mapping[Place, str] = field(default_factory=dict)
    variables: Mapping[Place, str] = field(default_factory=dict)
    problems: tuple[ConfigurationError, ...] = ()

    def line(self, place: Place) -> int | None:
        """Find the line of the value, or of the nearest thing around it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return None

    def error(self, place: Place, problem: str, value: object, hint: str) -> ConfigurationError:
        """Build the error about the value at `place`, naming the variable it came from if any."""
        variable = self.variables.get(place, "")
        return ConfigurationError(
            problem,
            file=None if variable else self.file,
            line=None if variable else self.line(place),
            key=dotted(place),
            value=value,
            hint=hint,
            variable=variable,
        )


def dotted(place: Place) -> str:
    """Write a place as people do: `watch[0].profile`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_document(file: Path, environ: Mapping[str, str], root: Path) -> Document:
    """Read one YAML file, with its secrets filled in; an absent file is an empty one.

    Mistakes are in the document's `problems`: a file that can't be read or is not YAML, a list
    at the top, and all keys that are written twice or refer to what is not there.
    """
    try:
        text = _text(file)
    except FileNotFoundError:
        return Document(file)
    except OSError as error:
        hint = "Make it a text file that the user who runs Reelworks may read."
        problem = ConfigurationError(f"it can't be read: {error.strerror}", file=file, hint=hint)
        return Document(file, problems=(problem,))
    except ConfigurationError as error:
        return Document(file, problems=(error,))
    return _document(file, text, environ, root)


def read_foreign(file: Path, data: bytes) -> Document:
    """Read YAML that a stranger wrote, `data` being what is in `file`: nothing in it is a secret.

    References like `${env:NAME}` stay as they are written. What takes more memory than its text,
    or more depth than anybody needs, is a mistake: aliases, and more than a few levels.
    """
    try:
        text = _decoded(file, data)
        _check_is_plain(file, text)
    except ConfigurationError as error:
        return Document(file, problems=(error,))
    return _document(file, text, None, Path())


def _document(file: Path, text: str, environ: Mapping[str, str] | None, root: Path) -> Document:
    reader = _Reader(file, environ, root)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return Document(file)
        data = reader.read(node, ())
    except yaml.YAMLError as error:
        return Document(file, problems=(_not_yaml(file, text, error),))
    except RecursionError:
        hint = "Write `key: value` lines; no setting needs lists in lists in lists."
        return Document(
            file, problems=(ConfigurationError("it is too deep", file=file, hint=hint),)
        )
    if not isinstance(data, dict):
        reader.complain(
            node, (), "it holds no keys at the top", "Write `key: value` lines, not a list or text."
        )
        data = None
    return Document(file, data, reader.lines, reader.written, {}, tuple(reader.problems))


def _check_is_plain(file: Path, text: str) -> None:
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else None
            if isinstance(event, yaml.AliasEvent):
                hint = "Write out what `*` stands for."
                raise ConfigurationError("it has an alias", file=file, line=line, hint=hint)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                hint = "Write `key: value` lines."
                raise ConfigurationError("it is too deep", file=file, line=line, hint=hint)
    except yaml.YAMLError as error:
        raise _not_yaml(file, text, error) from error


def _text(file: Path) -> str:
    return _decoded(file, file.read_bytes())


def _decoded(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            "it is not text in UTF-8",
            file=file,
            line=data[: error.start].count(b"\n") + 1,
            hint="Save it again in the encoding UTF-8.",
        ) from error


def _not_yaml(file: Path, text: str, error: yaml.YAMLError) -> ConfigurationError:
    line, context, reason = None, None, str(error)
    hint = "Look at the indentation, quotes and colons of this line and the one above."
    if isinstance(error, yaml.MarkedYAMLError):
        line = error.problem_mark.line + 1 if error.problem_mark else None
        context = error.context_mark.line + 1 if error.context_mark else None
        reason = str(error.problem or error)
        # What is wrong may be that the text ends: then there is no such line.
        if line is not None and any(map(_CRON_LINE.search, text.splitlines()[line - 1 : line])):
            hint = 'Put the cron line in quotes, like cron: "*/5 * * * *".'
    elif isinstance(error, yaml.reader.ReaderError):
        # In `position` the reader counts characters; what it can't take is never a line's end.
        line = text.count("\n", 0, int(error.position)) + 1
        reason, hint = "it holds a character that text has not", "Remove it."
    if context is not None and context != line:
        hint += f" What is wrong may begin on line {context}."
    return ConfigurationError(f"it is not YAML: {reason}", file=file, line=line, hint=hint)


class _Reader:
    """Turns nodes into data; a value with a mistake becomes None and the mistake is kept."""

    def __init__(self, file: Path, environ: Mapping[str, str] | None, root: Path) -> None:
        self.file, self.environ, self.root = file, environ, root
        self.lines: dict[Place, int] = {}
        self.written: dict[Place, str] = {}
        self.problems: list[ConfigurationError] = []
        self._constructor = yaml.SafeLoader("")
        self._inside: set[int] = set()

    def read(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._single(node, place)
        if id(node) in self._inside:
            return self.complain(node, place, "it contains itself", "Write it out, without `*`.")
        if node.tag not in (_MAPPING, _SEQUENCE):
            return self.complain(node, place, f"it has the tag {node.tag}", "Remove the tag.")
        self._inside.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return {
                    key: self.read(value, (*place, key)) for key, value in self._keys(node, place)
                }
            return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]
        finally:
            self._inside.discard(id(node))

    def complain(
        self, node: yaml.Node, place: Place, problem: str, hint: str, value: str | None = None
    ) -> None:
        self.problems.append(
            ConfigurationError(
                problem,
                file=self.file,
                line=node.start_mark.line + 1,
                key=dotted(place),
                value=value,
                hint=hint,
            )
        )

    def _keys(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        """Give a section's keys: its own, then those it takes over from others by `<<`."""
        own: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.complain(key, place, "it has a list or section for a key", "Write a word.")
            elif key.value in own:
                first = self.lines[(*place, key.value)]
                hint = f"Keep one of them; the first is on line {first}."
                self.complain(key, (*place, key.value), "it is written twice", hint)
            else:
                # The text and not YAML's idea of it: `on` would be true.
                own[key.value] = value
                self.lines[(*place, key.value)] = key.start_mark.line + 1
        yield from own.items()
        for key, value in self._merged(node, place):
            if key not in own:
                own[key] = value
                yield key, value

    def _merged(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        for key, value in node.value:
            if key.tag != _MERGE:
                continue
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode) or id(source) in self._inside:
                    hint = "Write `<<: *name`, where another section has `&name`."
                    self.complain(key, (*place, "<<"), "it names no other section", hint)
                    continue
                self._inside.add(id(source))
                try:
                    # Its mistakes are told where it stands, so only good keys are taken.
                    yield from [
                        (inner.value, value)
                        for inner, value in source.value
                        if isinstance(inner, yaml.ScalarNode) and inner.tag != _MERGE
                    ]
                    yield from self._merged(source, place)
                finally:
                    self._inside.discard(id(source))

    def _single(self, node: yaml.ScalarNode, place: Place) -> Any:
        self.written[place] = node.value
        try:
            value = self._constructor.construct_object(node)
        except _NO_VALUE:
            problem, hint = "it is not a value that YAML knows", "Put it in quotes."
            return self.complain(node, place, problem, hint, node.value)
        if not isinstance(value, str) or self.environ is None:
            return value
        try:
            return expand(value, self.environ, self.root)
        except BadValue as error:
            shown = node.value if is_reference(node.value) else None
            return self.complain(node, place, str(error), error.hint, shown)
