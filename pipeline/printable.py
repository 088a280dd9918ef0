"""Printable: text from outside, such as a file's name, so that no terminal obeys what is in it."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

#: Signs that turn the direction of what follows: with them `gpj.exe` reads as `exe.jpg`.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: What Python makes of the bytes of a name that are not UTF-8 (PEP 383), from 0x80 on.
NOT_UTF8 = range(0xDC80, 0xDD00)
#: Halves of letters outside the first plane of Unicode (UTF-16's surrogates).
_HALVES = re.compile("[\ud800-\udfff]")
#: Control characters, halves of letters, and separators of lines and paragraphs.
_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Write signs that a terminal would obey as `\n`, `\x1b`, `\u202e`: it becomes one line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) if _obeyed(sign) else sign for sign in text)


def printable_lines(text: str) -> str:
    """Do the same to text of several lines, which stay lines; tabulators stay too."""
    return "\n".join(
        "\t".join(printable(cell) for cell in line.split("\t")) for line in text.split("\n")
    )


def whole_letters(text: str) -> str:
    r"""Write halves of letters as `\xff`, as `printable` does: UTF-8 has none (RFC 3629, 3).

    Python has them where the bytes of a name are not UTF-8. Strict readers refuse JSON with them
    (RFC 8259, 8.2).
    """
    return _HALVES.sub(lambda half: _escaped(half[0]), text)


def _obeyed(sign: str) -> bool:
    return sign in TURNING or unicodedata.category(sign) in _CATEGORIES


def _escaped(sign: str) -> str:
    number = ord(sign)
    if number in NOT_UTF8:
        return f"\\x{number - NOT_UTF8.start + 0x80:02x}"
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


class PrintableRecord(logging.LogRecord):
    """A line of a log into which names of files are put as `printable` writes them."""

    def getMessage(self) -> str:  # noqa: N802 - the name that logging calls
        """Put the arguments into the message: text among them can begin no line of its own."""
        args: Any = self.args
        if not args:
            return str(self.msg)
        if isinstance(args, Mapping):
            # Celery's: a traceback among them has lines.
            return str(self.msg) % {key: _shown(args[key], printable_lines) for key in args}
        return str(self.msg) % tuple(_shown(arg, printable) for arg in args)


def _shown(value: Any, write: Any) -> Any:
    return write(str(value)) if isinstance(value, (str, PurePath, BaseException)) else value


def keep_logs_printable() -> None:
    """Let every line that this process and its children log be printable."""
    logging.setLogRecordFactory(PrintableRecord)


def size_text(count: int) -> str:
    """Write a number of bytes as people say it: `1.5 GiB`."""
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:  # noqa: PLR2004 - the next unit begins there
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"
