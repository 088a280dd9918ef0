"""`${env:NAME}` and `${file:PATH}` in any value: secrets stay out of the files and of messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

#: `$${` is a plain `${`; any other `${` begins a reference, right or wrong.
_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(env|file):([^{}]+)\}|[^}]*\}?)")
_ONLY_REFERENCES = re.compile(r"(?:\$\{(?:env|file):[^{}]+\})+")
_PASSWORD_OPTION = re.compile(r"((?:password|passwd|token|secret)=)[^&\s]+", re.IGNORECASE)
#: What stands where a secret was.
MASK = "**"


def expand(text: str, environ: Mapping[str, str], root: Path) -> str:
    """Replace every reference by what it names; relative paths are taken from `root`.

    Raises `BadValue`: a variable that is not set or empty, a file that can't be read or is empty,
    or a `${` that begins no reference.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            word = match[0][2:].rstrip("}")
            name = word if word.isidentifier() else "NAME"
            hint = f"Write ${{env:{name}}} or ${{file:PATH}}; for a plain ${{ write $${{."
            raise BadValue(f"{match[0]} is not a reference", hint)
        name = match[2].strip()
        return _variable(name, environ) if match[1] == "env" else _file(name, root)

    return _REFERENCE.sub(replace, text)


def _variable(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise BadValue(
            f"the environment variable {name} is {state}", "Set it before Reelworks starts."
        )
    return value


def _file(name: str, root: Path) -> str:
    hint = "Make it a readable text file that holds only the value."
    try:
        text = (root / Path(name).expanduser()).read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadValue(f"the file {name} can't be read: {reason}", hint) from error
    if not text:
        raise BadValue(f"the file {name} is empty", hint)
    return text


def is_reference(text: str) -> bool:
    """Whether the text is made of references alone, so that showing it tells no secret."""
    return _ONLY_REFERENCES.fullmatch(text) is not None


def without_password(address: str) -> str:
    """Mask the password in an address like `scheme://user:password@host/?password=…`."""
    scheme, slashes, rest = address.partition("://")
    if not slashes:
        return address
    login, at, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    masked = f"{user}{colon and f':{MASK}'}{at}{host}"
    return f"{scheme}{slashes}" + _PASSWORD_OPTION.sub(rf"\g<1>{MASK}", masked)
