"""Presence: whether a part that is no worker is there. Asked often, so it imports no queue."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings.load import Settings
    from pipeline.settings.values import Listen

#: How long an answer is waited for, seconds.
ANSWER_S = 0.5
#: Where a part tells whether it works. Flower's is open to all, unlike its pages.
HEALTH = {"web": "/healthz", "flower": "/healthcheck"}
#: Addresses that mean "every address of this machine", and where we reach ourselves then.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - only compared
#: Parts that answer nobody: whether they run is seen on this machine only.
SILENT = ("watch", "beat")


def runs_here(settings: Settings, verb: str) -> bool:
    """Whether a process of this machine is that part, of this configuration."""
    return any(_is_part(folder, settings, verb) for folder in Path("/proc").glob("[0-9]*"))


def _is_part(folder: Path, settings: Settings, verb: str) -> bool:
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")
        if not is_verb([os.fsdecode(word) for word in words], verb):
            return False
        environment = (folder / "environ").read_bytes().split(b"\0")
        named = [value for value in environment if value.startswith(b"REELWORKS_CONFIG=")]
        beside = (folder / "cwd").readlink()
    except OSError:
        return False  # it has ended, or is somebody else's
    config = os.fsdecode(named[0].partition(b"=")[2]) if named else "config"
    return Path(os.path.normpath(beside / config)) == settings.config_dir


def is_verb(words: Sequence[str], verb: str) -> bool:
    """Whether a command line is `reelworks VERB`, or Python running it.

    Not one that only names the verb later, as `reelworks health VERB` does, which asks.
    """
    names = [word == "pipeline.cli" or Path(word).name == "reelworks" for word in words[:4]]
    if not any(names):
        return False
    rest = iter(words[names.index(True) + 1 :])
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif not word.startswith("-"):
            return word == verb
    return False


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
