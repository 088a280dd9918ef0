"""kill -9 of any part, at any moment."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.fault import Fault, Scene
from tests.faults.processes import children, main_of
from tests.faults.stacks import EMBEDDED
from tests.system import command_lines

if TYPE_CHECKING:
    from collections.abc import Collection

#: What may be killed, by the words in its command line.
PARTS = {
    "encode-parent": ("worker", "encode"),
    "package-parent": ("worker", "package"),
    "control": ("worker", "control"),
    "notify": ("worker", "notify"),
    "watch": ("pipeline.cli", "watch"),
    "beat": ("pipeline.cli", "beat"),
    "web": ("pipeline.cli", "web"),
    "flower": ("pipeline.cli", "flower"),
}
#: How often it is tried to hit a tool before it ends by itself.
TRIES = 20
#: How many sources are moved, and how large each is, bytes, so that a copy takes a while: the disk
#: has room for one more.
MOVED = 3
LARGE = 30 << 20
#: How long it may take until they are moved, and how long after that began who moves it is killed,
#: seconds: about as long as a copy, what is recorded of it, and the removal take.
SETTLES_S = 120.0
AFTER_S = 0.4
#: How long the same workers are looked at before they are listed anew, seconds.
LOOK_S = 1.0


def _kill_part(scene: Scene, words: tuple[str, ...]) -> str:
    scene.batch.told_again = "notify" in words
    scene.sometime()
    pid = main_of(scene, *words)
    return scene.kill(pid) if pid else f"no {' '.join(words)} ran"


def _kill_child(scene: Scene, role: str) -> str:
    """Kill a pool process: under the worker that encodes while it really does."""
    scene.tool(*(("libx264",) if role == "encode" else ()))
    scene.sometime(1.0)
    parent = main_of(scene, "worker", role)
    pool = sorted(children(parent)) if parent else []
    pool = [pid for pid in pool if "pipeline.cli" in command_lines().get(pid, "")]
    # One of the encode worker's only waits for its turn.
    pool = [pid for pid in pool if children(pid)] or pool
    return scene.kill(scene.dice.choice(pool)) if pool else f"the worker {role} had no pool"


def _kill_tool(scene: Scene) -> str:
    """Kill ffmpeg or whatever tool runs; one that had just ended counts for nothing."""
    scene.batch.drop("slow", seconds=4, size="960x540")
    scene.sometime()
    for _ in range(TRIES):
        pid = scene.tool()
        if pid is None:
            break
        said = scene.kill(pid)
        if "SIGKILL" in said:
            return said
    return "no tool ran long enough"


def _kill_who_settles(scene: Scene) -> str:
    """Kill who moves sources to another disk: from the first byte until it should be over.

    Between its effects nothing can be seen from outside but the copy: chance does the rest.
    """
    # Those who settle tell of ends, too.
    scene.batch.told_again = True
    files = [scene.batch.drop_large("far", LARGE) for _ in range(MOVED)]
    until = time.monotonic() + SETTLES_S
    known: set[Path] = set()
    after: list[str] = []
    while len(after) < MOVED and any(file.path.exists() for file in files):
        if time.monotonic() > until:
            break
        # Listed before there is a copy: it would be over by then.
        workers = scene.processes("pipeline.cli", "worker")
        pid = _new_writer(scene.site.media / "elsewhere", known, workers)
        if pid is None:
            continue
        wait_s = scene.dice.uniform(0.0, AFTER_S)
        time.sleep(wait_s)
        scene.kill(pid)
        after.append(f"{wait_s:.3f} s")
    return f"kill -9 of who moved {MOVED} sources, {', '.join(after) or 'never'} after each began"


def _new_writer(folder: Path, known: set[Path], workers: Collection[int]) -> int | None:
    """Look for a while for one of the workers who has an unfinished copy open that is not known."""
    until = time.monotonic() + LOOK_S
    while time.monotonic() < until:
        new = set(folder.glob("*.part")) - known
        known |= new
        for pid in workers if new else ():
            if _has_open(pid, new):
                return pid
        time.sleep(0.001)
    return None


def _has_open(pid: int, files: Collection[Path]) -> bool:
    for handle in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            if handle.readlink() in files:
                return True
    return False


def _kill_broker(scene: Scene) -> str:
    scene.sometime()
    if scene.stack.name == EMBEDDED:
        pid = scene.embedded_broker()
        return scene.kill(pid) if pid else "no broker ran"
    broker = scene.stack.broker
    assert broker is not None
    scene.broken(broker.kill, broker.start, scene.dice.uniform(0.0, 3.0))
    return f"kill -9 of {broker.name}, started again"


def _kill_everything(scene: Scene) -> str:
    """Kill `up` itself: its guard ends every part, and the next start goes on."""
    scene.batch.told_again = True
    scene.sometime()
    scene.site.kill()
    scene.site.start()
    return "kill -9 of up, started again"


FAULTS = (
    *(Fault(f"kill-{name}", partial(_kill_part, words=words)) for name, words in PARTS.items()),
    Fault("kill-encode-child", partial(_kill_child, role="encode")),
    Fault("kill-package-child", partial(_kill_child, role="package")),
    Fault("kill-ffmpeg", _kill_tool),
    Fault("kill-settling", _kill_who_settles, needs_disks=True),
    Fault("kill-broker", _kill_broker),
    # The embedded broker dies with it: workers that are stopping then have none to say so to.
    Fault("kill-up", _kill_everything, ends_parts=True),
)
