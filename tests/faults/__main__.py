"""`make faults`: kill parts of a working system at random, and look whether anything is lost."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.media import make_clip
from tests.system import System, command_lines, running_system, server_database_for

#: Addresses of the stacks that can be tested; the servers must run on this machine.
STACKS: dict[str, dict[str, str]] = {
    "embedded": {},
    "redis-postgres": {
        "REELWORKS_BROKER": "redis://127.0.0.1:6379/11",
        "REELWORKS_RESULTS": "redis://127.0.0.1:6379/12",
        "REELWORKS_DATABASE": "postgresql+psycopg://127.0.0.1/test",
    },
    "rabbitmq-postgres": {
        "REELWORKS_BROKER": "amqp://guest:guest@127.0.0.1:5672//",
        "REELWORKS_RESULTS": "rpc://",
        "REELWORKS_DATABASE": "postgresql+psycopg://127.0.0.1/test",
    },
}
#: What may be killed: the words that its command line has.
VICTIMS = (
    ("worker", "encode"),
    ("worker", "package"),
    ("worker", "control"),
    ("worker", "notify"),
    ("pipeline.cli", "watch"),
    ("pipeline.cli", "beat"),
    ("ffmpeg",),
)
#: Time for a clip to be found, encoded and packaged; the kill comes somewhere within, seconds.
WITHIN_S = 12.0


def main() -> int:
    """Run rounds; exit 1 when a job was lost, doubled, or left something behind."""
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--stack", choices=STACKS, default="embedded")
    wanted = parser.parse_args()
    os.environ.update(STACKS[wanted.stack])
    dice = random.Random(wanted.seed)
    print(f"{wanted.rounds} rounds, seed {wanted.seed}, stack {wanted.stack}")
    with tempfile.TemporaryDirectory(prefix="reelworks-faults-") as name, ExitStack() as stack:
        database = stack.enter_context(server_database_for())
        system = stack.enter_context(running_system(Path(name), database))
        rounds = [_round(system, number, dice) for number in range(wanted.rounds)]
        left = _left_behind(system)
    good = sum(one["good"] for one in rounds)
    print(f"{good} of {len(rounds)} jobs succeeded, once; left behind: {left or 'nothing'}")
    figures = {
        "rounds": len(rounds),
        "lost_or_wrong": len(rounds) - good,
        "left_behind": len(left),
        "slowest_s": max(one["seconds"] for one in rounds),
    }
    goals = {"lost_or_wrong": 0, "left_behind": 0}
    met = all(figures[key] <= goal for key, goal in goals.items())
    print(json.dumps({"name": "faults", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def _round(system: System, number: int, dice: random.Random) -> dict[str, Any]:
    """Drop a clip, kill something on its way, and wait for its job."""
    name = f"round-{number}.mp4"
    clip = make_clip(system.root / "clips" / name, seconds=4, size="640x360", seed=number)
    began = time.monotonic()
    system.drop(clip, name, folder="slow")
    time.sleep(dice.uniform(0.5, WITHIN_S))
    words = dice.choice(VICTIMS)
    pids = system.processes(*words)
    victim = dice.choice(pids) if pids else None
    if victim is not None:
        print(f"round {number}: kill -9 {victim} {command_lines().get(victim, '')[-60:]}")
        _kill(victim)
    job = system.ended(name)
    good = job["state"] == "succeeded" and len(system.jobs_of(name)) == 1
    seconds = round(time.monotonic() - began, 1)
    print(f"round {number}: {job['state']} after {seconds} s")
    return {"good": good, "seconds": seconds}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended by itself in between


def _left_behind(system: System) -> list[str]:
    media = system.root / "media"
    files = [str(path) for path in media.rglob("*.tmp*")]
    work = [str(path) for path in (media / "work").iterdir()]
    return files + work


if __name__ == "__main__":
    sys.exit(main())
