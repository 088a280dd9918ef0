"""The way to a server is cut, silent, slow, or breaks in the middle of what is said."""

from __future__ import annotations

from functools import partial

from tests.faults.fault import Fault, Scene
from tests.faults.proxy import Mode
from tests.faults.stacks import COMPOSE, SERVERS

#: How often the way is cut, or breaks in mid-sentence, and how long it then is well, seconds.
TIMES = 4
BETWEEN_S = 3.0
#: How long each cut lasts, seconds.
CUT_S = 2.0
#: How long the way is slow, seconds: every sentence takes longer, and nothing else is wrong.
SLOW_S = 20.0


def _turn(scene: Scene, server: str, mode: Mode, for_s: float) -> None:
    turn = scene.stack.proxies[server].turn
    scene.broken(partial(turn, mode), partial(turn, Mode.PASS), for_s)


def _cut(scene: Scene, server: str) -> str:
    for _ in range(TIMES):
        scene.sometime(BETWEEN_S)
        _turn(scene, server, Mode.CUT, scene.dice.uniform(0.0, CUT_S))
    return f"the way to the {server} was cut {TIMES} times"


def _silent(scene: Scene, server: str) -> str:
    scene.sometime()
    _turn(scene, server, Mode.SILENT, scene.outage_s / 2)
    # What waited for an answer learns that there will be none.
    scene.stack.proxies[server].drop()
    return f"the way to the {server} was silent for {scene.outage_s / 2:.0f} s"


def _slow(scene: Scene, server: str) -> str:
    scene.sometime(2.0)
    _turn(scene, server, Mode.SLOW, SLOW_S)
    return f"the way to the {server} was slow for {SLOW_S:.0f} s"


def _halves(scene: Scene, server: str) -> str:
    for _ in range(TIMES):
        scene.sometime(BETWEEN_S)
        _turn(scene, server, Mode.HALVE, scene.dice.uniform(0.1, CUT_S))
    return f"what was said to and by the {server} broke in the middle, {TIMES} times"


FAULTS = tuple(
    Fault(f"{server}-{name}", partial(act, server=server), stacks=stacks)
    for server, stacks in (("broker", SERVERS), ("database", SERVERS), ("results", (COMPOSE,)))
    for name, act in (("cut", _cut), ("silent", _silent), ("slow", _slow), ("halves", _halves))
)
