"""The file of a multipart form, as a stream: nothing is held in memory or written twice."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from pipeline.errors import ReelworksError
from pipeline.settings.errors import nearest

#: The longest a field beside the file may be, bytes: names, not texts.
LONGEST_FIELD = 4096
#: What the file's field is called where it is spoken of; any other name does as well.
FILE = "file"


@dataclass(frozen=True)
class FormFile:
    """The file of a form, and the fields that came before it."""

    name: str
    content: AsyncIterator[bytes]
    fields: dict[str, str]


class _Form:
    """Collects the fields before the first part that has a file name, and then that part.

    A second file, and a field that is not among `known` or comes after the file, is refused where
    it begins.
    """

    def __init__(self, boundary: bytes, known: Collection[str]) -> None:
        self.known = known
        self.name: str | None = None
        self.data: deque[bytes] = deque()
        self.ended = False
        self.fields: dict[str, str] = {}
        self._field_name: str | None = None
        self._text = bytearray()
        self._field, self._value = bytearray(), bytearray()
        self._in_file = False
        self.parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, a, b: self._field.extend(data[a:b]),
                "on_header_value": lambda data, a, b: self._value.extend(data[a:b]),
                "on_header_end": self._header_ended,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ended,
            },
        )

    def _header_ended(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            if b"filename" not in options:
                self._field_begun(options.get(b"name", b"").decode("utf-8", "replace"))
            # A form sent with no file chosen has a part with an empty name.
            elif options[b"filename"]:
                self._file_begun(options[b"filename"].decode("utf-8", "replace"))
        self._field.clear()
        self._value.clear()

    def _file_begun(self, name: str) -> None:
        if self.name is not None:
            raise _second_file(name)
        self.name, self._in_file = name, True

    def _field_begun(self, name: str) -> None:
        if name not in self.known:
            raise _unknown_field(name, self.known)
        if self.name is not None:
            raise _late_field(name)
        self._field_name = name

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.data.append(data[start:end])
        elif self._field_name is not None:
            self._text += data[start:end]
            if len(self._text) > LONGEST_FIELD:
                raise _long_field(self._field_name)

    def _part_ended(self) -> None:
        if self._in_file:
            self._in_file, self.ended = False, True
        elif self._field_name is not None:
            self.fields[self._field_name] = self._text.decode("utf-8", "replace")
            self._field_name = None
            self._text.clear()


async def the_file(
    chunks: AsyncIterator[bytes], boundary: bytes, known: Collection[str]
) -> FormFile:
    """Read up to the file of a form, past `known` fields; its content comes as it arrives.

    Raises `ReelworksError` (`bad_request`) when there is none, and for an unknown field; and, from
    the stream, which ends with the form, `upload_cut_short` when the form ends before the file
    does, and `bad_request` for any field or file after it.
    """
    if not boundary:
        raise _no_form()
    form = _form(boundary, known)
    while form.name is None:
        chunk = await anext(chunks, b"")
        if not chunk:
            raise _no_form()
        _feed(form, chunk)
    return FormFile(form.name, _content(form, chunks), form.fields)


def _form(boundary: bytes, known: Collection[str]) -> _Form:
    try:
        return _Form(boundary, known)
    except FormParserError as error:  # a boundary longer than any is
        raise _no_form() from error


async def _content(form: _Form, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        while form.data:
            yield form.data.popleft()
        chunk = await anext(chunks, b"")
        if not chunk:
            break
        _feed(form, chunk)
    while form.data:
        yield form.data.popleft()
    if not form.ended:
        raise cut_short()


def _feed(form: _Form, chunk: bytes) -> None:
    try:
        form.parser.write(chunk)
    except FormParserError as error:
        raise _no_form() from error


def cut_short() -> ReelworksError:
    """Say that less arrived than was announced."""
    return ReelworksError("upload_cut_short", "The upload was cut short.", "Send it again.")


def _long_field(name: str) -> ReelworksError:
    return ReelworksError(
        "bad_request",
        f"The form's field {name!r} is too long.",
        "A file is sent in a field of type file.",
    )


def _unknown_field(name: str, known: Collection[str]) -> ReelworksError:
    if name == FILE:
        return ReelworksError(
            "bad_request",
            f"The form's field {FILE!r} is a text, not a file.",
            f"Send the file itself: with curl, `-F {FILE}=@clip.mp4`.",
        )
    return ReelworksError(
        "bad_request", f"An upload has no field {name!r}.", nearest(name, (FILE, *known))
    )


def _late_field(name: str) -> ReelworksError:
    return ReelworksError(
        "bad_request",
        f"The form's field {name!r} comes after the file, where it is not heeded any more.",
        f"Put the field before the file: with curl, `-F {name}=… -F {FILE}=@clip.mp4`.",
    )


def _second_file(name: str) -> ReelworksError:
    return ReelworksError(
        "bad_request",
        f"The form has a second file, {name!r}, and neither was taken.",
        "Send each file by itself: with curl, one `-F` with a file a call.",
    )


def _no_form() -> ReelworksError:
    return ReelworksError(
        "bad_request",
        "There is no file in the form.",
        "Send one in a field of type file, or the file itself as the body with `?name=clip.mp4`.",
    )
