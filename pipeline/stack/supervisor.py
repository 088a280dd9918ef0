"""The supervisor: starts parts, starts them again when they die, and stops them in order."""

from __future__ import annotations

import enum
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipeline.stack import logfile
from pipeline.stack.part import Life, Part, Stage
from pipeline.stack.traces import LOOK_S, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from pipeline.stack.traces import Trace

#: The first wait before a dead part is started again, seconds; doubled each time it dies young.
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
#: A part that lived this long has recovered: its waits begin anew, seconds.
GROWN_UP_S = 60.0
#: How long the broker may take to write its file even when everything else is killed, seconds.
BROKER_GRACE_S = 5.0
#: How long parts that hold no work may take to stop, seconds: an open page must not delay it.
FRONT_GRACE_S = 5.0
#: How long it is tried to kill what a part left behind, seconds.
KILL_S = 5.0
#: How many lines of a dead part's log are shown.
LINES_SHOWN = 5
#: How often the logs' sizes are looked at, seconds.
TRIM_S = 60.0


class What(enum.Enum):
    """What happened to a part."""

    STARTED = "started"
    DIED = "died"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"
    MENDED = "mended"
    NOT_MENDED = "not mended"
    #: The state folder's disk is full, or has room again: `lines` say what that means.
    FULL = "full"
    ROOM = "room"


@dataclass(frozen=True)
class Notice:
    """Something a person may want to know about a part.

    `pid` is None when it could not even be started; `status` is how it ended (negative: by that
    signal); `again_in_s` when it will be started again; `lines` the end of its log, or a reason.
    """

    what: What
    part: str
    pid: int | None = None
    status: int | None = None
    again_in_s: float | None = None
    lines: tuple[str, ...] = ()


class Keeper(Protocol):
    """Who ends the parts when we can't: see `pipeline.stack.guard.Guard`."""

    def begin(self, trace: Trace) -> None:
        """Guard a life of a part from now on."""

    def end(self, trace: Trace) -> None:
        """Let go of a life of which nothing is left."""

    def check(self) -> None:
        """See that the guard itself lives."""


@dataclass
class _Post:
    """A part's place: the life that fills it now, or when the next one begins."""

    part: Part
    life: Life | None = None
    wait_s: float | None = None
    start_at: float = 0.0


def wait_before_restart(last_s: float | None, lived_s: float) -> float:
    """Choose the wait before a restart, seconds.

    `last_s` is the wait before the life that just ended (None: its first), `lived_s` its length.
    """
    if last_s is None or lived_s >= GROWN_UP_S:
        return FIRST_WAIT_S
    return min(last_s * 2, LONGEST_WAIT_S)


class Supervisor:
    """Keeps parts running: `start` each, call `tick` a few times a second, `stop` at the end.

    `logs` is the folder for `<part>.log`, or None to leave output where ours goes. `tell` is
    called with each `Notice`. Use it from one thread, the one that lives longest.
    """

    def __init__(self, *, logs: Path | None, tell: Callable[[Notice], None], guard: Keeper) -> None:
        self._logs = logs
        self._tell = tell
        self._guard = guard
        self._posts: dict[str, _Post] = {}
        self._menders = ThreadPoolExecutor(1, thread_name_prefix="mend")
        self._mending: list[tuple[str, Future[str | None]]] = []
        self._trim_at = time.monotonic() + TRIM_S

    def start(self, part: Part) -> None:
        """Start a part and keep it running from now on."""
        post = self._posts[part.name] = _Post(part)
        self._begin(post)

    def is_running(self, name: str) -> bool:
        """Whether the part runs at this moment."""
        life = self._posts[name].life
        return life is not None and life.exit_status is None

    def tick(self) -> None:
        """Look after every part once: collect the dead, start those whose wait is over."""
        self._guard.check()
        for post in self._posts.values():
            if post.life is not None and post.life.exit_status is not None:
                self._bury(post, post.life)
            elif post.life is None and time.monotonic() >= post.start_at:
                self._begin(post)
        self._tell_mended()
        if self._logs is not None and time.monotonic() >= self._trim_at:
            self._trim_at = time.monotonic() + TRIM_S
            for log in self._logs.glob("*.log"):
                logfile.trim(log)

    def stop(self, *, grace_s: float, hurried: Callable[[], bool]) -> None:
        """Stop everything, stage by stage; what takes longer than `grace_s` a stage is killed.

        `hurried` is asked often: once it says yes, only the broker is waited for, and briefly.
        Nothing that the parts started is left when this returns.
        """
        for stage in Stage:
            self._stop_stage(stage, grace_s, hurried)
        self._menders.shutdown(wait=True, cancel_futures=True)

    def _stop_stage(self, stage: Stage, grace_s: float, hurried: Callable[[], bool]) -> None:
        posts = [post for post in self._posts.values() if post.part.stage is stage]
        lives = [post.life for post in posts if post.life is not None]
        for life in lives:
            self._tell(Notice(What.STOPPING, life.part.name, life.pid))
            life.ask_to_stop()
        self._await(lives, stage, grace_s, hurried)
        for life in lives:
            what = What.KILLED if life.exit_status is None else What.STOPPED
            status = self._clear(life)
            lines = () if life.log is None else tuple(logfile.last_lines(life.log, LINES_SHOWN))
            self._tell(Notice(what, life.part.name, life.pid, status, lines=lines))
            if what is What.KILLED and life.part.after_kill is not None:
                problem = self._menders.submit(life.part.after_kill).exception()
                if problem is not None:
                    self._tell(Notice(What.NOT_MENDED, life.part.name, lines=(str(problem),)))
        for post in posts:
            del self._posts[post.part.name]

    @staticmethod
    def _await(
        lives: list[Life], stage: Stage, grace_s: float, hurried: Callable[[], bool]
    ) -> None:
        longest_s = min(grace_s, FRONT_GRACE_S) if stage is Stage.FRONT else grace_s
        hurried_s = BROKER_GRACE_S if stage is Stage.BROKER else 0.0
        began = time.monotonic()
        while any(life.exit_status is None for life in lives):
            waited = time.monotonic() - began
            if waited >= longest_s or (waited >= hurried_s and hurried()):
                return
            time.sleep(LOOK_S)

    def _begin(self, post: _Post) -> None:
        log = None if self._logs is None else self._logs / f"{post.part.name}.log"
        try:
            post.life = Life(post.part, log)
        except OSError as problem:  # no more processes allowed, say: that can pass
            self._wait(post, Notice(What.DIED, post.part.name, lines=(str(problem),)), 0.0)
            return
        self._guard.begin(post.life.trace)
        self._tell(Notice(What.STARTED, post.part.name, post.life.pid))

    def _bury(self, post: _Post, life: Life) -> None:
        status = self._clear(life)
        post.life = None
        lines = () if life.log is None else tuple(logfile.last_lines(life.log, LINES_SHOWN))
        died = Notice(What.DIED, post.part.name, life.pid, status, lines=lines)
        self._wait(post, died, life.lived_s)
        if post.part.after_death is not None:
            mending = self._menders.submit(post.part.after_death)
            self._mending.append((post.part.name, mending))

    def _wait(self, post: _Post, died: Notice, lived_s: float) -> None:
        post.wait_s = wait_before_restart(post.wait_s, lived_s)
        post.start_at = time.monotonic() + post.wait_s
        self._tell(replace(died, again_in_s=post.wait_s))

    def _tell_mended(self) -> None:
        for name, mending in [pair for pair in self._mending if pair[1].done()]:
            self._mending.remove((name, mending))
            problem = mending.exception()
            if problem is not None:
                self._tell(Notice(What.NOT_MENDED, name, lines=(str(problem),)))
            elif said := mending.result():
                self._tell(Notice(What.MENDED, name, lines=(said,)))

    def _clear(self, life: Life) -> int | None:
        """Kill what is left of a part, which may be the part itself; returns how it ended."""
        left = sweep({life.trace}, within_s=KILL_S)
        if not left:
            self._guard.end(life.trace)
        return None if life.pid in left else life.collect()
