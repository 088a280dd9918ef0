"""What keeps other people's pages away from a server that trusts its own machine.

Two attacks matter to a server without passwords on loopback or a home network. A page of another
site can send requests here (cross-site request forgery), and a name of another site can be made to
resolve to this machine (DNS rebinding), which makes that site's page one of ours.
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from pipeline.web.answers import answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names by which this machine reaches itself.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
#: Addresses that mean "every address of this machine".
ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
#: Top-level domains that nobody can register a name in (RFC 6761, RFC 6762, ICANN's `.internal`).
PRIVATE = (".localhost", ".local", ".internal", ".home.arpa")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: What pages may load: only from here. Media Source Extensions play from `blob:` addresses.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Everything may be kept, and is asked for again: a newer release or state shows at once.
    "Cache-Control": "no-cache",
}


class Names:
    """Which names in the `Host` header this server answers to.

    Listening on one address, those are that address and the local ones; listening on all, every
    address and every name that no stranger can own. `hosts` are added to either.
    """

    def __init__(self, listen_host: str, hosts: Iterable[str] = ()) -> None:
        self._any = listen_host in ANY
        self._known = LOCAL | {listen_host.lower()} | {host.lower() for host in hosts}

    def answers_to(self, host: str) -> bool:
        """Whether `host` (a `Host` header, with or without port) is a name of ours."""
        name = host_name(host)
        if name is None:
            return False
        return name in self._known or (self._any and (_is_address(name) or _is_private(name)))


def host_name(host: str) -> str | None:
    """Take the name out of a `Host` header, lower case; None when it makes no sense."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.netloc != host or "@" in host:
            return None
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_private(name: str) -> bool:
    # A name without a dot is one of the local network, as `web` among containers.
    return "." not in name or name.endswith(PRIVATE)


def from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another site's page sends this.

    `Sec-Fetch-Site` says it plainly; browsers leave it out on plain HTTP to other machines, and
    then `Origin` must be this host. A program that sends neither is no browser.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


class Guard:
    """Refuses foreign hosts and cross-site writes, and says what pages may load.

    Plain ASGI: streams go through untouched, and a listener that leaves is seen to leave.
    """

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._refusal(scope) or self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._names.answers_to(host):
            return answer(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                f"This server does not answer to the name {host!r}.",
                "Use the address it listens on; a proxy in front must send that as Host.",
            )
        if scope["method"] not in READING and from_elsewhere(headers):
            return answer(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                "Requests from pages of other sites are refused.",
                "Use the pages of this server, or a program.",
            )
        return None
