"""The one door to processes: progress, limits, captured output, and death with the parent."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.media.errors import (
    MediaError,
    TransientMediaError,
    no_space,
    output_too_large,
    read_only,
    too_costly,
)
from pipeline.media.fence import Fence
from pipeline.media.launch import launched
from pipeline.media.life import KILLS, STALL_S, Life, cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: How often the caller hears of a running process, seconds, also when the process says nothing.
TICK_S = 1.0
#: What a process gets between being asked to stop and being killed, seconds.
GRACE_S = 1.0
#: The end of what a process prints that is kept, bytes.
TAIL_BYTES = 32_768
#: The most one process may print on its standard output where that is its result, bytes.
MOST_OUTPUT = 16 << 20
#: The code of the error that says that somebody else ended a process.
KILLED = "killed"
#: The code of the error that says that a process waited for itself.
DEADLOCKED = "deadlocked"
#: How ffmpeg ends when a signal asks it to, as one does when its processor time is over.
_ASKED_TO_END = 255
#: How tools say that the disk is full; the last is what Shaka Packager says of a file that it can't
#: close. Its other reason, a folder that may not be written to, is found before a tool begins.
_FULL = (b"No space left on device", b"Disk quota exceeded", b"or running out of disk space")
_READ_ONLY = os.strerror(errno.EROFS).encode()


@dataclass(frozen=True)
class Progress:
    """How far ffmpeg is: frames, seconds and bytes of output. `moved` since the last tick.

    `told_s` is the time that it told last, seconds: that of a sound which is made far behind its
    picture lies before 0, and rises all the same.
    """

    frame: int = 0
    out_time_s: float = 0.0
    told_s: float = 0.0
    bytes: int = 0
    speed: float | None = None
    moved: bool = False


@dataclass(frozen=True)
class Completed:
    """How a process ended: `log` is the end of what it printed on its error output."""

    returncode: int
    log: str
    progress: Progress
    output: bytes = b""


def run(
    argv: Sequence[str],
    *,
    fence: Fence = Fence(),  # noqa: B008 - it can't be changed
    timeout_s: float | None = None,
    stall_s: float = STALL_S,
    on_tick: Callable[[Progress], None] | None = None,
    cwd: Path | None = None,
    keep_output: bool = False,
    on_output: Callable[[bytes], None] | None = None,
) -> Completed:
    """Run a program to its end, whatever that is; its standard output is read as `-progress`.

    It sees and writes only what `fence` names, where the kernel can see to that, and takes no
    more. `on_tick` is called about every second. Whatever it raises, or a signal raises here, stops
    the process first and then goes on to the caller. The process is also killed by the kernel when
    this one dies. With `keep_output` the standard output is a result (`Completed.output`) and not
    progress; with `on_output` it is handed over piece by piece instead, however long it is.

    Raises `TransientMediaError`: `timeout` after `timeout_s`, `stalled` when it said, did and wrote
    nothing for `stall_s`, `deadlocked` when it waits for itself, `no_space` when the process ended
    because the disk is full, `killed` when somebody else ended it, `output_gone` when somebody took
    away what it wrote; `MediaError`: `system` when the disk may only be read, `too_costly`,
    `output_too_large` when it met a limit of the fence, `not_isolated`.
    """
    with launched(argv, fence, cwd) as process:
        watch = _Watch(process, keep_output=keep_output, on_output=on_output)
        begun = [path for path in fence.writes if os.path.lexists(path)]
        try:
            watch.until_end(timeout_s, stall_s, fence.writes, on_tick)
        finally:
            _stop(process)
            watch.close()
        gone = next((path for path in begun if not os.path.lexists(path)), None)
    done = Completed(process.returncode, watch.log(), watch.progress, bytes(watch.output))
    if done.returncode and any(word in watch.tail_bytes() for word in _FULL):
        raise no_space(str(cwd or argv[-1])).telling(done.log)
    if done.returncode and _READ_ONLY in watch.tail_bytes():
        raise read_only(str(cwd or argv[-1])).telling(done.log)
    _explain_signal(argv[0], done, fence, watch.cpu_s)
    if gone is not None:
        # No tool of ours removes what it was to write, and inside the fence none can.
        raise _taken_away(gone).telling(done.log)
    return done


def _explain_signal(program: str, done: Completed, fence: Fence, cpu_s: float) -> None:
    """Raise what the signal means that ended a process, unless it was the process's own doing."""
    name, number = os.path.basename(program), -done.returncode  # noqa: PTH119 - only its name
    # It was last looked at a tick ago, and may have used every processor since.
    least_s = (fence.cpu_s or 0.0) - 2 * TICK_S * (os.cpu_count() or 1)
    asked = done.returncode in (_ASKED_TO_END, -signal.SIGKILL) and cpu_s >= least_s
    if fence.cpu_s is not None and (asked or number == signal.SIGXCPU):
        raise too_costly(name, f"{fence.cpu_s:.0f} seconds of processor time").telling(done.log)
    if number == signal.SIGXFSZ:
        raise output_too_large(name, fence.file_bytes).telling(done.log)
    if number in KILLS:
        raise _killed(name, number).telling(done.log)


class _Watch:
    """Reads both outputs of a process without ever letting it wait for us."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        keep_output: bool,
        on_output: Callable[[bytes], None] | None,
    ) -> None:
        if process.stdout is None or process.stderr is None:
            raise AssertionError("both outputs are piped")
        self.process = process
        self.keep_output = keep_output
        self.on_output = on_output
        self.output = bytearray()
        self.progress = Progress()
        #: The processor time it had used at the last tick, seconds.
        self.cpu_s = 0.0
        self._line = b""
        self._tail: deque[bytes] = deque()
        self._streams = {process.stdout: self._on_output, process.stderr: self._on_error}
        self._selector = selectors.DefaultSelector()
        for stream in self._streams:
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)

    def until_end(
        self,
        timeout_s: float | None,
        stall_s: float,
        writes: Sequence[Path],
        on_tick: Callable[[Progress], None] | None,
    ) -> None:
        began = ticked = time.monotonic()
        life = Life(self.process.pid, writes, began)
        while self._selector.get_map() or self.process.poll() is None:
            self._read(max(0.0, ticked + TICK_S - time.monotonic()))
            now = time.monotonic()
            if self.progress.moved:
                life.moved(now)
            if timeout_s is not None and now - began > timeout_s:
                raise _too_long(timeout_s)
            if life.gone(now, stall_s):
                raise _stalled(stall_s)
            if now - ticked >= TICK_S:
                ticked = now
                if life.deadlocked(now):
                    raise _deadlocked()
                self.cpu_s = cpu_seconds(self.process.pid) or self.cpu_s
                if on_tick is not None:
                    on_tick(self.progress)
                self.progress = replace(self.progress, moved=False)

    def _read(self, wait_s: float) -> None:
        if not self._selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)
            return
        for key, _ in self._selector.select(wait_s):
            stream: Any = key.fileobj
            data = stream.read1(65_536) if hasattr(stream, "read1") else stream.read(65_536)
            if data == b"":
                self._selector.unregister(stream)
            elif data is not None:
                self._streams[stream](data)

    def _on_error(self, data: bytes) -> None:
        self._tail.append(data)
        while sum(map(len, self._tail)) - len(self._tail[0]) > TAIL_BYTES:
            self._tail.popleft()

    def _on_output(self, data: bytes) -> None:
        if self.on_output is not None:
            self.on_output(data)
            self.progress = replace(self.progress, moved=True)
            return
        if self.keep_output:
            self.output += data
            self.progress = replace(self.progress, moved=True)
            if len(self.output) > MOST_OUTPUT:
                raise _talkative(MOST_OUTPUT)
            return
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self.progress = advance(self.progress, line.decode("utf-8", "replace").strip())

    def tail_bytes(self) -> bytes:
        return b"".join(self._tail)[-TAIL_BYTES:]

    def log(self) -> str:
        return self.tail_bytes().decode("utf-8", "replace")

    def close(self) -> None:
        self._selector.close()
        for stream in self._streams:
            stream.close()


def advance(progress: Progress, line: str) -> Progress:
    """Take one `key=value` line of ffmpeg's `-progress` into account; others change nothing."""
    key, _, value = line.partition("=")
    try:
        match key:
            case "frame":
                frame = int(value)
                return replace(
                    progress, frame=frame, moved=progress.moved or frame > progress.frame
                )
            case "out_time_us":
                at_s = int(value) / 1e6
                moved = progress.moved or at_s > progress.told_s
                furthest_s = max(at_s, progress.out_time_s)
                return replace(progress, out_time_s=furthest_s, told_s=at_s, moved=moved)
            case "speed":
                return replace(progress, speed=float(value.rstrip("x")))
            case "total_size":
                size = int(value)
                moved = progress.moved or size > progress.bytes
                return replace(progress, bytes=size, moved=moved)
    except ValueError:
        return progress  # ffmpeg writes N/A until it knows
    return progress


def _too_long(timeout_s: float) -> TransientMediaError:
    return TransientMediaError(
        "timeout",
        f"The work did not end within {timeout_s:.0f} seconds.",
        "Raise `limits.deadline` in pipeline.yml, or choose a faster preset.",
    )


def _stalled(stall_s: float) -> TransientMediaError:
    return TransientMediaError(
        "stalled",
        f"The tool made no progress for {stall_s:.0f} seconds and was stopped.",
        "Look whether a disk or share hangs: that of the source, or where results are written.",
    )


def _deadlocked() -> TransientMediaError:
    return TransientMediaError(
        DEADLOCKED,
        "The tool waited for itself and was stopped.",
        "It is tried again; if it always ends so, please report what `reelworks logs` shows.",
    )


def _talkative(most: int) -> MediaError:
    return MediaError(
        "output_too_long",
        f"A tool printed more than {most >> 20} MiB about this file.",
        "It says too much of itself; convert it (`ffmpeg -map_metadata -1`) and drop that.",
    )


def _killed(program: str, number: int) -> TransientMediaError:
    return TransientMediaError(
        KILLED,
        f"{program} was killed by signal {number}.",
        "It is tried again; look whether the machine ran out of memory.",
    )


def _taken_away(path: Path) -> TransientMediaError:
    return TransientMediaError(
        "output_gone",
        f"{path} was removed while it was being written.",
        "It is made again; look who removes files from the folders named under `paths`.",
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """See that the process is gone: asked first, killed after a grace."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    finally:
        # Also when a second signal interrupts the wait: nothing of ours is left behind.
        process.kill()
        process.wait()
