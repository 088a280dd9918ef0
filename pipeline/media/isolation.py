"""Isolation: tools run without network and see only what they work on, where the kernel can do it.

All of it is laid on the thread that starts a tool (`launch`), which hands it on: no code of ours
runs between fork and exec, and it costs a tenth of a millisecond.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import socket
import subprocess
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Literal

from pipeline.media import landlock, seccomp
from pipeline.media.errors import MediaError
from pipeline.media.fence import (
    CARDS,
    LOOKED_UP,
    LOOKED_UP_BY_CARDS,
    SYSTEM,
    Fence,
    environment,
    limits,
)
from pipeline.media.life import KILLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

logger = logging.getLogger(__name__)

Network = Literal["namespace", "user namespace", "no sockets", "no TCP", "none"]
#: All that keep a tool from the network altogether.
NO_NETWORK: tuple[Network, ...] = ("namespace", "user namespace", "no sockets")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
#: What an administrator's tool keeps of its rights: reading and writing what belongs to others.
CAPABILITIES = "-all,+dac_override,+dac_read_search"
#: Becomes the tool only while who started it lives: the kernel tells of no death before it is asked
#: to (PR_SET_PDEATHSIG(2const)), and a tool whose worker was killed just then would run on.
UNLESS_ORPHAN = 'test "$PPID" = "$1" && shift && exec "$@"'
#: How long a trial may take, seconds.
TRIAL_S = 20.0
#: How often one is begun that somebody else ends: that says nothing of what is tried, and what is
#: found out here holds for as long as we live.
MOST_TRIALS = 3


def enter(program: Path, fence: Fence) -> None:
    """Keep this thread, and what it starts, inside the fence for good. Raises `OSError`."""
    if fence.isolation == "off":
        return
    if network() == "namespace":
        empty = _empty_network()
        if empty is None or _libc.setns(empty, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns: the empty network can't be entered")
    if landlock.version() and starts_inside(program):
        landlock.restrict(_rules(program, fence))
    if _filters_sockets():
        seccomp.no_sockets()


def prefix(fence: Fence) -> tuple[str, ...]:
    """Give the commands that start a tool: tied to our life, limited, without rights and network.

    They are util-linux's and the shell; each becomes the next one, and in the end the tool.
    """
    before: tuple[str, ...] = ()
    if fence.isolation != "off" and network() == "user namespace":
        before += (_found("unshare"), "--user", "--net", "--")
    if _found("prlimit"):
        before += (_found("prlimit"), *(f"--{limit}" for limit in limits(fence)), "--")
    if _found("setpriv"):
        rights = ("--inh-caps=-all", f"--bounding-set={CAPABILITIES}") if drops_rights() else ()
        before += (_found("setpriv"), "--pdeathsig", "KILL", *rights, "--")
        before += (_found("sh"), "-c", UNLESS_ORPHAN, "reelworks", str(os.getpid()))
    return before


def check(program: Path, fence: Fence) -> None:
    """Raise `MediaError` (`not_isolated`) where isolation is required and there is none."""
    if fence.isolation != "required":
        return
    missing = []
    if not (landlock.version() and starts_inside(program)):
        missing.append("files")
    if network() not in NO_NETWORK:
        missing.append("network")
    if missing:
        raise MediaError(
            "not_isolated",
            f"{program.name} can't be kept from {' and '.join(missing)} on this machine.",
            "`reelworks doctor` says why; or set `limits.isolation: auto` in pipeline.yml.",
        )


@lru_cache(maxsize=1)
def network() -> Network:
    """Find out how tools are kept from the network here: once, by trying."""
    if _empty_network() is not None:
        return "namespace"
    unshare = _found("unshare")
    if unshare and _ends_well([unshare, "--user", "--net", "--", _found("true") or "true"]):
        return "user namespace"
    if _filters_sockets():
        return "no sockets"
    return "no TCP" if landlock.version() >= landlock.NETWORK_SINCE else "none"


@lru_cache(maxsize=1)
def _filters_sockets() -> bool:
    """Whether the kernel keeps tools from opening sockets: tried once."""
    refused: list[bool] = []

    def attempt() -> None:
        try:
            seccomp.no_sockets()
        except OSError:
            return
        try:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
        except PermissionError:
            refused.append(True)

    if seccomp.known():
        _in_thread(attempt)
    return bool(refused)


@lru_cache(maxsize=1)
def drops_rights() -> bool:
    """Whether tools of an administrator can be started without most of his rights."""
    setpriv = _found("setpriv")
    if os.geteuid() or not setpriv:
        return False  # there is nothing to drop
    rights = ["--inh-caps=-all", f"--bounding-set={CAPABILITIES}"]
    return _ends_well([setpriv, *rights, "--", _found("true") or "true"])


@lru_cache(maxsize=32)
def starts_inside(program: Path) -> bool:
    """Whether a program finds all it needs to start inside the fence; it is tried once.

    A wrapper of somebody's own may need files that nobody told us of. It then runs without the
    fence around files, which `reelworks doctor` tells of.
    """
    if _is_system(program):
        return True
    ended: list[bool] = []

    def start() -> None:
        try:
            landlock.restrict(_rules(program, Fence()))
        except OSError as problem:
            logger.warning("Landlock can't be used: %s", problem)
            ended.append(False)
            return
        ended.append(_ends_well([str(program), "-version"]))

    _in_thread(start)
    if not ended[0] and _ends_well([str(program), "-version"]):
        logger.warning("%s does not start in the fence around files: it runs without", program)
        return False
    return True


def _rules(program: Path, fence: Fence) -> Iterator[tuple[Path, landlock.Access]]:
    for path in SYSTEM:
        yield path, landlock.RUN
    if not _is_system(program):
        real = program.resolve()
        yield real, landlock.RUN
        for folder in (real.parent / "lib", real.parent.parent / "lib"):
            yield folder, landlock.RUN
    for path in LOOKED_UP:
        yield path, landlock.READ
    yield Path("/dev/null"), landlock.DEVICE
    if fence.cards:
        for path in LOOKED_UP_BY_CARDS:
            yield path, landlock.READ
        for device in (*map(Path, CARDS), *Path("/dev").glob("nvidia*")):
            yield device, landlock.DEVICE | landlock.OWN
    for path in fence.reads:
        yield path, landlock.READ
    for path in fence.writes:
        yield path, landlock.OWN


def _is_system(program: Path) -> bool:
    return any(program.is_relative_to(folder) for folder in SYSTEM)


@lru_cache(maxsize=1)
def _empty_network() -> int | None:
    """Make a network with nothing in it, and keep it open; None where we may not."""
    made: list[int] = []

    def make() -> None:
        if not _libc.unshare(_CLONE_NEWNET):
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    _in_thread(make)
    return made[0] if made else None


def _in_thread(act: Callable[[], None]) -> None:
    """Do what changes a thread for good in one that ends with it."""
    thread = Thread(target=act)
    thread.start()
    thread.join()


def _ends_well(argv: Sequence[str]) -> bool:
    for _ in range(MOST_TRIALS):
        try:
            done = subprocess.run(
                argv,
                check=False,
                timeout=TRIAL_S,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(dict(os.environ)),
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if -done.returncode not in KILLS:
            return done.returncode == 0
    return False


@lru_cache(maxsize=8)
def _found(program: str) -> str:
    return shutil.which(program) or ""
