"""Sidecar: what somebody wrote beside a media file about it, `clip.mp4.yml` for `clip.mp4`.

A stranger may have written it: it is read without following links, without filling in references,
and only as far as a page of text goes.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from pipeline.ingest.regular import open_regular
from pipeline.settings.document import read_foreign
from pipeline.settings.errors import BadValue, ConfigurationError, nearest, together
from pipeline.settings.explain import mistakes
from pipeline.settings.languages import three_letters
from pipeline.settings.tag_checks import NOT_THERE, hint_for
from pipeline.settings.values import NOT_BOOL, Part, Tag

if TYPE_CHECKING:
    from collections.abc import Collection

#: What is added to a media file's name to name its sidecar.
SUFFIX = ".yml"
#: What people write instead.
MISNAMED = ".yaml"
#: Bytes of the largest sidecar.
LARGEST = 64 << 10
#: Characters of the longest title, or of a value in `metadata`; most keys of `metadata`.
LONGEST = 1000
MOST_KEYS = 64
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: What opening answers where a link, or no file, is.
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.EINVAL)


def _as_text(value: Any) -> Any:
    """Take numbers and dates as they would be written: `year: 2024`."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadValue("is not text", "Put it in quotes.")
    text = str(value)
    if len(text) > LONGEST:
        raise BadValue("is too long", f"Use at most {LONGEST} characters.")
    if not text.isprintable():
        raise BadValue("has characters that can't be shown", "Write it on one line.")
    return text


Text = Annotated[str, BeforeValidator(_as_text)]


class Sidecar(Part):
    """What is wished for one file; None for what is as its folder says."""

    profile: str | None = None
    title: Text | None = None
    language: str | None = None
    priority: Annotated[int, Field(ge=0, le=9), NOT_BOOL] | None = None
    metadata: dict[str, Text] = Field(default_factory=dict)
    needs: Tag | None = None

    @field_validator("language")
    @classmethod
    def _is_language(cls, language: str | None) -> str | None:
        code = None if language is None else three_letters(language)
        if language is not None and code is None:
            raise BadValue("is not a language", "Write its code, like de, deu or pt-BR.")
        return code

    @field_validator("metadata")
    @classmethod
    def _has_keys(cls, metadata: dict[str, str]) -> dict[str, str]:
        if len(metadata) > MOST_KEYS:
            raise BadValue("has too many keys", f"Use at most {MOST_KEYS}.")
        for key in metadata:
            if not _KEY.fullmatch(key):
                raise BadValue(f"has the key {key!r}", "Use letters, digits, - and _.")
        return metadata


NOTHING = Sidecar()


def sidecar_of(path: Path) -> Path:
    """Name the sidecar of the media file at `path`."""
    return Path(f"{path}{SUFFIX}")


def stamp(sidecar: Path, *, of_media: bool = False) -> str:
    """Tell one version of a sidecar from another without reading it; "" where there is none.

    With `of_media` the path is that of the media file.
    """
    try:
        found = (sidecar_of(sidecar) if of_media else sidecar).lstat()
    except (OSError, ValueError):
        return ""  # a name that is too long for a sidecar has none either
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def read_sidecar(path: Path, profiles: Collection[str], tags: tuple[str, ...] = ()) -> Sidecar:
    """Read what is wished for the media file at `path`; without a sidecar, nothing.

    Raises `ConfigurationError`, with the line, for one that is wrong in any way.
    """
    file = sidecar_of(path)
    data = _bytes(file)
    if data is None:
        misnamed = Path(f"{path}{MISNAMED}")
        if stamp(misnamed):
            told, hint = f"it is not read: sidecars end in {SUFFIX}", f"Rename it to {file.name}."
            raise ConfigurationError(told, file=misnamed, hint=hint)
        return NOTHING
    document = read_foreign(file, data)
    if document.problems:
        raise together(document.problems)
    try:
        read = Sidecar.model_validate(document.data or {})
    except ValidationError as error:
        raise together(mistakes(error, document, (), Sidecar)) from error
    if read.profile is not None and read.profile not in profiles:
        hint = nearest(read.profile, profiles)
        raise document.error(("profile",), "is not in profiles.yml", read.profile, hint)
    if read.needs is not None and read.needs not in tags:
        raise document.error(("needs",), NOT_THERE, read.needs, hint_for(read.needs, tags))
    return read


def _bytes(file: Path) -> bytes | None:
    """Read a regular file, and nothing that a link leads to; None where there is none."""
    try:
        with open_regular(file) as opened:
            data = opened.read(LARGEST + 1)
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return None
        what = "it is not a file" if problem.errno in _NO_FILE else "it can't be read"
        hint = "Make it a text file that the user who runs Reelworks may read."
        raise ConfigurationError(what, file=file, hint=hint) from problem
    if len(data) > LARGEST:
        hint = f"A sidecar has at most {LARGEST >> 10} KiB."
        raise ConfigurationError("it is too large", file=file, hint=hint)
    return data
