"""kill -9 of any part, at any moment."""

from __future__ import annotations

from functools import partial

from tests.faults.fault import Fault, Scene
from tests.faults.processes import children, main_of
from tests.faults.stacks import EMBEDDED
from tests.system import command_lines

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


def _kill_part(scene: Scene, words: tuple[str, ...]) -> str:
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
    scene.sometime()
    scene.site.kill()
    scene.site.start()
    return "kill -9 of up, started again"


FAULTS = (
    *(Fault(f"kill-{name}", partial(_kill_part, words=words)) for name, words in PARTS.items()),
    Fault("kill-encode-child", partial(_kill_child, role="encode")),
    Fault("kill-package-child", partial(_kill_child, role="package")),
    Fault("kill-ffmpeg", _kill_tool),
    Fault("kill-broker", _kill_broker),
    # The embedded broker dies with it: workers that are stopping then have none to say so to.
    Fault("kill-up", _kill_everything, ends_parts=True),
)
