"""What keeps other people's pages away from a server that trusts its own machine."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.web.errors import answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI, Request, Response

    Next = Callable[[Request], Awaitable[Response]]

#: Names this machine answers to. A page on another name that resolves here is refused (DNS
#: rebinding).
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
#: Addresses that mean "every name of this machine": then any Host is taken.
ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
READING = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def install(app: FastAPI, listen_host: str) -> None:
    """Refuse foreign hosts and cross-site writes, and say what pages may load."""
    allowed = None if listen_host in ANY else LOCAL | {listen_host.lower()}

    @app.middleware("http")
    async def guard(request: Request, following: Next) -> Response:
        host = (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
        if allowed is not None and host not in allowed:
            return answer(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                f"This server does not answer to the name {host!r}.",
                "Use the address it listens on, or set `web.listen` in pipeline.yml.",
            )
        if request.method not in READING and _from_elsewhere(request):
            return answer(
                HTTPStatus.FORBIDDEN, "forbidden", "Requests from other sites are refused."
            )
        response = await following(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page sends this."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
