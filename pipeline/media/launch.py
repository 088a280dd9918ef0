"""Launch: start a tool inside its fence, from a thread that lives as long as the tool may.

What keeps a tool in is laid on the thread that starts it. The tool is also killed by the kernel
when that thread ends: with this process, however that ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from pipeline.media import isolation
from pipeline.media.fence import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.media.fence import Fence

#: Encoders that print on their own: SVT-AV1 is to tell of errors only.
QUIETER = {"SVT_LOG": "1"}
_PR_SET_PDEATHSIG = 1


@contextmanager
def launched(
    argv: Sequence[str], fence: Fence, cwd: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program for as long as the block lasts; whoever ends the block has ended it.

    The files it is to write are made before, empty, so that it need not be able to make any;
    those it left empty are gone afterwards. Raises `OSError`; `MediaError` (`not_isolated`).
    """
    isolation.check(Path(argv[0]), fence)
    made: list[Path] = []
    starting = _Starting(argv, fence, cwd)
    try:
        _make(fence.writes, made)
        starting.begin()
        yield starting.process
    finally:
        starting.end()
        for path in made:
            with suppress(OSError):
                if not path.stat().st_size:
                    path.unlink()


def _make(files: Sequence[Path], made: list[Path]) -> None:
    """Make each file that is not there, and tell of it in `made`."""
    for path in files:
        with suppress(OSError):  # a folder, or where there is none: the tool will tell
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            made.append(path)


class _Starting:
    """The thread that starts a program, and then waits until it is no longer needed."""

    def __init__(self, argv: Sequence[str], fence: Fence, cwd: Path | None) -> None:
        self._argv, self._fence, self._cwd = argv, fence, cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._problem: BaseException | None = None
        self._begun, self._over = Event(), Event()
        self._thread = Thread(target=self._live, name="launch")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("it was started")
        return self._process

    def begin(self) -> None:
        self._thread.start()
        self._begun.wait()
        if self._problem is not None:
            raise self._problem

    def end(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _live(self) -> None:
        try:
            isolation.enter(Path(self._argv[0]), self._fence)
            self._process = self._start()
        except BaseException as problem:  # noqa: BLE001 - raised where the work is
            self._problem = problem
        self._begun.set()
        self._over.wait()
        if self._process is not None and self._process.poll() is None:
            # The work was interrupted before it had the process to end.
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        before = isolation.prefix(self._fence)
        return subprocess.Popen(
            [*before, *self._argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._cwd,
            env=environment(dict(os.environ)) | QUIETER,
            preexec_fn=None if "--pdeathsig" in before else partial(_die_with, os.getpid()),  # noqa: PLW1509
        )


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent ends, also when it has by now."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
