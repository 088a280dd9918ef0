"""The templates, and how numbers and times are said in them."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from pipeline.history.words import message_words, step_word
from pipeline.printable import printable
from pipeline.web.neighbours import flower_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from pipeline.app import Runtime
    from pipeline.history.cards import Card

KIBI = 1024
MINUTE_S = 60


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
    return f"{seconds:.1f} s" if seconds < MINUTE_S else clock(seconds)


def about(seconds: float | None) -> str:
    """Say about how long something still takes; nothing when nobody can tell."""
    if seconds is None:
        return ""
    minutes = round(seconds / MINUTE_S)
    if minutes < 1:
        return "less than a minute left"
    hours, minutes = divmod(minutes, 60)
    return f"about {hours} h {minutes} min left" if hours else f"about {minutes} min left"


def percent(share: float) -> str:
    """Write a share of 1 in whole percent, rounded down: 100 % is said when all is done."""
    return f"{int(share * 100)}\u202f%"


def prose(text: str) -> Markup:
    """Show what our sentences put between backticks as code."""
    parts = str(escape(printable(text))).split("`")
    shown = (f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
    return Markup("".join(shown))  # noqa: S704 - escaped before it was marked up


def breakable(path: str) -> Markup:
    """Let a long path break after its slashes, and only there if that is enough."""
    return Markup("/<wbr>").join(printable(path).split("/"))


def query(asked: Mapping[str, object]) -> str:
    """Write what is asked for as the query of an address; nothing for what is empty."""
    given = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(given)}" if given else ""


def shape(card: Card) -> str:
    """Say what makes a card look as it does, apart from figures; library.js says the same."""
    word = f"{card.state}{card.waits_for or ''}"
    return f"{word} pictured" if card.pictured else word


def _neighbours(request: Request) -> dict[str, object]:
    """Give every page, that of an error too, the way to the other parts, and what all wait for."""
    runtime: Runtime = request.app.state.runtime
    return {
        "flower": flower_address(runtime.settings, request.url.hostname or ""),
        "full": runtime.db.lacks_room(),
    }


templates = Jinja2Templates(
    directory=Path(__file__).parent / "templates", context_processors=[_neighbours]
)
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters |= {
    "size": size_words,
    "clock": clock,
    "moment": moment,
    "percent": percent,
    "about": about,
    "query": query,
    "shape": shape,
    "breakable": breakable,
    "step": step_word,
    "said": message_words,
    "prose": prose,
    "printable": printable,
    "stem": lambda name: PurePath(name).stem,
}
templates.env.tests["match_suffix"] = str.endswith
templates.env.globals["took"] = took
