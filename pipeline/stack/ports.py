"""Ports: see before anything starts that nobody else listens where we want to."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from pipeline.settings.load import Settings
    from pipeline.settings.values import Listen


def check_free(settings: Settings) -> None:
    """Raise `ReelworksError` (`port_in_use`) when a part's address is taken or is not ours."""
    pipeline = settings.pipeline
    wanted = (("web", pipeline.web.listen), ("flower", pipeline.flower.listen))
    for part, listen in wanted:
        problem = why_not(listen)
        if problem is not None:
            raise ReelworksError(
                "port_in_use",
                f"The {part} part can't listen on {listen.host}:{listen.port}: {problem}.",
                f"Stop whoever listens there (`ss -ltnp` shows them), or change {part}.listen in "
                f"{settings.config_dir / 'pipeline.yml'} or REELWORKS_{part.upper()}_LISTEN.",
            )


def why_not(listen: Listen) -> str | None:
    """Say why nobody could listen there now, or None."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as problem:
        return f"the name {listen.host} is not known ({problem.strerror})"
    with socket.socket(family, kind, protocol) as trial:
        # As servers do: a connection that has only just ended does not count as taken.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as problem:
            taken = problem.errno == errno.EADDRINUSE
            return "the port is in use" if taken else str(problem.strerror)
    return None


def chosen(settings: Settings) -> Settings:
    """Put a free port where the configuration says 0, so that every part knows the same one."""
    pipeline = settings.pipeline
    web, flower = (
        part.model_copy(update={"listen": _chosen(part.listen)})
        for part in (pipeline.web, pipeline.flower)
    )
    return replace(settings, pipeline=pipeline.model_copy(update={"web": web, "flower": flower}))


def _chosen(listen: Listen) -> Listen:
    return listen if listen.port else listen.model_copy(update={"port": free_port(listen.host)})


def free_port(host: str = "127.0.0.1") -> int:
    """Find a port that nobody uses now; whoever asks for it next may still be faster."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.bind((host, 0))
        port: int = trial.getsockname()[1]
        return port
