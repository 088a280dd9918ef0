"""Serve the application in this process until it is told to stop."""

from __future__ import annotations

import gc
import logging
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from pipeline.errors import ReelworksError
from pipeline.settings.values import Listen
from pipeline.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from pipeline.app import Runtime

logger = logging.getLogger(__name__)

#: How long a stop waits for requests, seconds: an upload or a listener would hold it for ever.
STOP_S = 3
#: How many connections may wait to be accepted.
BACKLOG = 512


def serve(runtime: Runtime, host: str, port: int, hosts: Iterable[str] = ()) -> None:
    """Serve until SIGTERM or SIGINT, then return; `hosts` as for `create_app`.

    Raises `ReelworksError` (`port_in_use`) when it can't listen there.
    """
    bound = _listen(host, port)
    config = uvicorn.Config(
        create_app(runtime, hosts),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    # uvicorn sends itself the signal again once it has stopped, to whoever handled it before:
    # with this handler that is nobody, so we return and close what is open.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    logger.info("listening on http://%s", Listen(host=host, port=bound.getsockname()[1]))
    # What is there by now stays: to look through all of it for garbage would hold up an answer
    # now and then, by a tenth of a second.
    gc.collect()
    gc.freeze()
    try:
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        bound.close()
        runtime.db.dispose()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as problem:
        raise ReelworksError(
            "port_in_use",
            f"The web part can't listen on {Listen(host=host, port=port)}: {problem.strerror}.",
            "Stop what listens there, or set `web.listen` in pipeline.yml.",
        ) from problem


def _stopped(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the server has stopped already."""
