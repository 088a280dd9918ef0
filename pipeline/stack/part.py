"""A part of the system: a program that the supervisor keeps running, and one life of it."""

from __future__ import annotations

import enum
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.stack import logfile
from pipeline.stack.traces import MARK, Trace, new_mark


class Stage(enum.IntEnum):
    """When a part is stopped: what brings or shows work, then what does it, then its broker."""

    FRONT = 0
    WORKERS = 1
    BROKER = 2


@dataclass(frozen=True)
class Part:
    """A program to keep running.

    `argv` starts it in the foreground; it must stop on SIGTERM. `env` is added to ours. `node` is
    the name under which a worker answers, None for other parts. `after_death` is called, in a
    thread of its own, when the part died without being asked to; it may say what it mended.
    `after_kill` is called when it was asked to stop, did not in time, and was killed.
    `keep` are file descriptors that stay open in it.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stage: Stage = Stage.FRONT
    node: str | None = None
    after_death: Callable[[], str | None] | None = None
    after_kill: Callable[[], None] | None = None
    keep: tuple[int, ...] = ()


class Life:
    """One running process of a part, leader of a session, with its output going to `log`.

    `log` None leaves the output where ours goes. Start it from the thread that supervises: the
    kernel ties the parent-death signal to the thread that forked (PR_SET_PDEATHSIG(2const)).
    """

    def __init__(self, part: Part, log: Path | None) -> None:
        self.part = part
        self.log = log
        self.started_at = time.monotonic()
        mark = new_mark()
        output = None if log is None else logfile.open_for(log)
        try:
            self._process = subprocess.Popen(
                [*_tied(), *part.argv],
                env={**os.environ, **part.env, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
                pass_fds=part.keep,
            )
        finally:
            if output is not None:
                output.close()
        self.trace = Trace(self._process.pid, mark)

    @property
    def pid(self) -> int:
        """The process's number, which is its session's too."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended (negative: by that signal), or None while it runs."""
        return self._process.poll()

    @property
    def lived_s(self) -> float:
        """How long ago it was started, seconds."""
        return time.monotonic() - self.started_at

    def ask_to_stop(self) -> None:
        """Ask the part, not what it started: a worker gives back its work by itself."""
        self._process.terminate()

    def collect(self) -> int:
        """Wait for a process that has been killed, and return how it ended."""
        return self._process.wait()


def _tied() -> tuple[str, ...]:
    # The guard does the same, surely but later; this covers the guard and us killed together.
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
