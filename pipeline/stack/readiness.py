"""Is the system ready? Workers answer a ping, pages answer a request; the rest just runs."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from pipeline.app import answering

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.settings.load import Settings
    from pipeline.settings.values import Listen
    from pipeline.stack.part import Part

#: How long an answer is waited for, seconds; who has not answered is asked again.
ANSWER_S = 0.5
#: Where a part tells whether it works. Flower's is open to all, unlike its pages.
HEALTH = {"web": "/healthz", "flower": "/healthcheck"}
#: Addresses that mean "every address of this machine", and where we reach ourselves then.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - only compared


class Readiness:
    """Remembers which parts have answered; `missing` asks the others once more."""

    def __init__(self, settings: Settings, parts: Iterable[Part]) -> None:
        self._nodes = {part.node: part.name for part in parts if part.node}
        self._pages = {
            part.name: getattr(settings.pipeline, part.name).listen
            for part in parts
            if part.name in HEALTH
        }
        self._missing = {*self._nodes.values(), *self._pages}

    def missing(self) -> frozenset[str]:
        """Ask who has not answered yet; takes a second at most. Returns who is still missing."""
        nodes = [node for node, name in self._nodes.items() if name in self._missing]
        if nodes:
            self._missing -= {self._nodes[node] for node in answering(nodes, ANSWER_S)}
        for name in self._missing & self._pages.keys():
            if page_answers(self._pages[name], HEALTH[name]):
                self._missing -= {name}
        return frozenset(self._missing)


def page_answers(listen: Listen, path: str) -> bool:
    """Whether a server answers a request for `path` with 200."""
    host = _EVERYWHERE.get(listen.host, listen.host)
    connection = http.client.HTTPConnection(host, listen.port, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def address(listen: Listen) -> str:
    """The address to open in a browser on this machine."""
    host = _EVERYWHERE.get(listen.host, listen.host)
    return f"http://[{host}]:{listen.port}" if ":" in host else f"http://{host}:{listen.port}"
