"""The templates, and how numbers and times are said in them."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from datetime import datetime

KIBI = 1024
#: What people call the steps that are not renditions.
STEP_WORDS = {"probe": "Examine", "thumbnail": "Poster", "manifest": "Package and verify"}


def size_words(count: float) -> str:
    """Write a number of bytes as people read it."""
    if count < KIBI:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= KIBI
        if count < KIBI:
            return f"{count:.1f} {unit}"
    return f"{count / KIBI:.1f} TiB"


def clock(seconds: float | None) -> str:
    """Write a duration as players do: 1:02:03. Nothing for one that is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(at: datetime) -> str:
    """Write a moment for readers without scripts, who are told it in UTC."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def took(start: datetime | None, end: datetime | None) -> str:
    """Write how long something took; nothing when it has not both begun and ended."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)  # noqa: PLR2004 - a minute


def percent(share: float) -> str:
    """Write a share of 1 in whole percent, rounded down: 100 % is said when all is done."""
    return f"{int(share * 100)}\u202f%"


def prose(text: str) -> Markup:
    """Show what our sentences put between backticks as code."""
    parts = str(escape(text)).split("`")
    shown = (f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
    return Markup("".join(shown))  # noqa: S704 - escaped before it was marked up


def step_words(name: str) -> str:
    """Name a step as people call it."""
    kind, _, rung = name.partition(":")
    return rung.capitalize() if rung else STEP_WORDS.get(kind, kind)


templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters |= {
    "size": size_words,
    "clock": clock,
    "moment": moment,
    "percent": percent,
    "step": step_words,
    "prose": prose,
    "stem": lambda name: PurePath(name).stem,
}
templates.env.tests["match_suffix"] = str.endswith
templates.env.globals["took"] = took
