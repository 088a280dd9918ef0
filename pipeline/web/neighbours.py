"""Neighbours: where the other parts' own pages are, as whoever looks at ours reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.values import Listen
from pipeline.web.security import ANY, LOCAL

if TYPE_CHECKING:
    from pipeline.settings.load import Settings


def flower_address(settings: Settings, asked: str) -> str | None:
    """Give Flower's address for a reader who reaches us by the host name `asked`.

    None where it can't be reached from there: it listens on its own machine alone, and the
    reader is elsewhere; or it takes any free port.
    """
    listen = settings.pipeline.flower.listen
    if listen.port == 0:
        return None
    host = listen.host
    if host in ANY:
        host = asked
    elif host in LOCAL and asked not in LOCAL:
        return None
    return f"http://{Listen(host=host, port=listen.port)}/"
