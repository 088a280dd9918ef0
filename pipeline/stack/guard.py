"""The guard: a small process that ends every part when the supervisor could not do it itself.

A killed supervisor (kill -9, out of memory) runs no code any more, and the kernel's parent-death
signal only asks the parts, which may be waiting for a broker that has just gone. So this process
holds the other end of a pipe: it is told of each life of a part that begins (`+SESSION MARK`) and
ends (`-SESSION MARK`), and when the pipe closes while some go on, it ends them all. It is run as
`python -m pipeline.stack.guard GRACE_S`, in a session of its own, which Ctrl-C does not reach.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from pipeline.stack.traces import LOOK_S, Trace, ask, members, sweep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: How long it is tried to kill what did not stop when asked, seconds.
KILL_S = 10.0


class Guard:
    """The supervisor's side. `begin` and `end` tell the guard which parts are alive.

    `keep` are file descriptors that live as long as anything guarded does: a lock, for instance.
    """

    def __init__(self, *, grace_s: float, keep: tuple[int, ...] = ()) -> None:
        self._argv = [sys.executable, "-m", __name__, str(grace_s)]
        self._keep = keep
        self._traces: set[Trace] = set()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            pass_fds=self._keep,
        )

    def begin(self, trace: Trace) -> None:
        """Guard a life of a part from now on."""
        self._traces.add(trace)
        self._tell(f"+{trace.session} {trace.mark}")

    def end(self, trace: Trace) -> None:
        """Let go of a life of which nothing is left."""
        self._traces.discard(trace)
        self._tell(f"-{trace.session} {trace.mark}")

    def check(self) -> None:
        """See that the guard itself lives; start another one when it does not."""
        if self._process.poll() is None:
            return
        self._close_pipe()
        self._process = self._start()
        for trace in self._traces:
            self._tell(f"+{trace.session} {trace.mark}")

    def close(self) -> None:
        """End the guard; call it when nothing is left to guard, or everything is to be stopped."""
        self._close_pipe()
        self._process.wait()

    def _tell(self, line: str) -> None:
        pipe = self._pipe()
        try:
            pipe.write(f"{line}\n")
            pipe.flush()
        except BrokenPipeError:
            self.check()

    def _close_pipe(self) -> None:
        try:
            self._pipe().close()
        except BrokenPipeError:
            return  # it died with a line unread; nobody is there to be told anything

    def _pipe(self) -> IO[str]:
        if self._process.stdin is None:
            raise RuntimeError("the guard was started without a pipe")
        return self._process.stdin


def left_open(lines: Iterable[str]) -> set[Trace]:
    """Follow what the supervisor says until it says no more; returns the lives that go on."""
    open_: set[Trace] = set()
    for line in lines:
        session, _, mark = line[1:].strip().partition(" ")
        trace = Trace(int(session), mark)
        if line.startswith("+"):
            open_.add(trace)
        else:
            open_.discard(trace)
    return open_


def end_all(traces: Collection[Trace], grace_s: float) -> None:
    """Ask the parts to stop, wait up to `grace_s` seconds, then kill everything of theirs."""
    leaders = {trace.session for trace in traces}
    ask(members(traces) & leaders, signal.SIGTERM)
    until = time.monotonic() + grace_s
    while members(traces) & leaders and time.monotonic() < until:
        time.sleep(LOOK_S)
    sweep(traces, within_s=KILL_S)


if __name__ == "__main__":
    end_all(left_open(sys.stdin), float(sys.argv[1]))
