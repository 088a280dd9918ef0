"""Orchestration alone: jobs a second, and whether a long queue makes each job dearer.

Every tool is a stand-in that sleeps (`benchmarks/standin.py`): what is measured is what Reelworks
does itself for a job, from its first message to its published folder. Broker, results and database
are embedded unless `REELWORKS_BROKER`, `REELWORKS_RESULTS`, `REELWORKS_DATABASE` say otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clips import clip
from benchmarks.history import runtime_on
from benchmarks.private import PATIENCE_S, TICKS, cpu_ticks, family, process, until
from benchmarks.report import Report
from benchmarks.standin import SLEEP_S, SOURCE
from pipeline.app import answering
from pipeline.history import listing
from pipeline.media.probe import probe
from pipeline.media.tools import find_tools
from pipeline.stack import valkey
from pipeline.tasks.control import reconcile
from pipeline.tasks.ingest import submit_file

if TYPE_CHECKING:
    from pipeline.app import Runtime

#: How long the queue is at most; the shorter one is a hundredth of it.
QUEUED = int(os.environ.get("REELWORKS_BENCH_QUEUE", "10000"))
ROLES = ("control", "package", "encode", "notify")
#: Jobs a second that two cores should do, and what a job may cost then, CPU seconds.
GOAL_RATE = 10.0
GOAL_CPU_S = 2 / GOAL_RATE
#: How often beat has all jobs looked after, seconds.
EVERY_S = 30.0
GOAL_GROWTH = 1.2


def run() -> Report:
    """Measure the cost of a job behind a short and behind a long queue."""
    few = _apart(max(QUEUED // 100, 100))
    many = _apart(QUEUED)
    return Report(
        "orchestration",
        {
            "jobs queued": QUEUED,
            "jobs a second, short queue": few.rate,
            "jobs a second, long queue": many.rate,
            "CPU seconds a job, short queue": few.cpu_s,
            "CPU seconds a job, long queue": many.cpu_s,
            "CPU seconds of looking after a long queue": many.reconcile_s,
            "growth of CPU seconds a job": many.whole_s / few.whole_s,
        },
        {
            "CPU seconds a job, short queue": GOAL_CPU_S,
            "growth of CPU seconds a job": GOAL_GROWTH,
        },
        (
            f"every tool is a stand-in that sleeps {SLEEP_S} s",
            "from when the workers answer until all that were queued are done",
            "0.2 CPU seconds a job are 10 jobs a second on two cores",
        ),
    )


@dataclass(frozen=True)
class Cost:
    """What a job costs, CPU seconds; how many were done a second; what a look after all costs."""

    cpu_s: float
    rate: float
    reconcile_s: float

    @property
    def whole_s(self) -> float:
        """The cost of a job with its share of the looks, at the pace of the goal."""
        return self.cpu_s + self.reconcile_s / (EVERY_S * GOAL_RATE)


def _apart(count: int) -> Cost:
    """Measure in a process of its own: a Celery application keeps the first broker it is told."""
    argv = [sys.executable, "-m", "benchmarks.orchestration", str(count)]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    return Cost(**json.loads(done.stdout))


def _measured(count: int) -> Cost:
    """Measure while `count` jobs are queued."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name, ExitStack() as stack:
        root = Path(name) / "system"
        root.mkdir()
        ready = stack.enter_context(runtime_on(root, os.environ.get("REELWORKS_DATABASE")))
        parts = []
        if valkey.is_needed(ready.settings):
            parts.append(stack.enter_context(process(root, *valkey.part(ready.settings).argv)))
            until(lambda: valkey.answers(ready.settings), "the broker")
        _probed(ready, root)
        for number in range(count):
            path = ready.settings.pipeline.watch[0].path / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(str(number).encode())
            submit_file(path)
        for role in ROLES:
            argv = [sys.executable, "-m", "benchmarks.standin", "worker", role]
            parts.append(stack.enter_context(process(root, *argv)))
        until(lambda: len(answering(None, 1)) == len(ROLES), "the workers")
        looked = time.process_time()
        reconcile()
        looked = time.process_time() - looked
        before, began = _cpu_s(parts), time.monotonic()
        until(lambda: _done(ready) == count, "jobs", max(PATIENCE_S, count))
        return Cost((_cpu_s(parts) - before) / count, count / (time.monotonic() - began), looked)


def _probed(ready: Runtime, root: Path) -> None:
    """Keep what a real clip is probed as: every job is said to be of one like it."""
    made = clip(root, seconds=1, size="320x180")
    settings = ready.settings.pipeline
    source = probe(find_tools(settings.tools), made, settings.limits)
    (root / "source.json").write_text(source.model_dump_json())
    os.environ[SOURCE] = str(root / "source.json")


def _done(ready: Runtime) -> int:
    with ready.db.read() as session:
        return listing.count_exactly(session)["succeeded"]


def _cpu_s(parts: list[int]) -> float:
    return sum(cpu_ticks(pid) for part in parts for pid in family(part)) / TICKS


if __name__ == "__main__":
    print(json.dumps(asdict(_measured(int(sys.argv[1])))))
