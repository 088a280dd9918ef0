"""Orchestration alone: jobs a second, and whether a long queue makes each job dearer.

Every tool is a stand-in that sleeps (`benchmarks/standin.py`): what is measured is what Reelworks
does itself for a job, from its first message to its published folder. Broker, results and database
are embedded unless `REELWORKS_BROKER`, `REELWORKS_RESULTS`, `REELWORKS_DATABASE` say otherwise.

The queue is not emptied: some jobs are done while so many others wait behind them.
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
from benchmarks.private import TICKS, cpu_ticks, family, process, until
from benchmarks.report import Report
from benchmarks.standin import SLEEP_S, SOURCE
from pipeline.app import answering
from pipeline.history import jobs, listing
from pipeline.media.probe import probe
from pipeline.media.tools import find_tools
from pipeline.stack import valkey
from pipeline.tasks.control import reconcile
from pipeline.tasks.taking import Taking
from pipeline.workflows import launch

if TYPE_CHECKING:
    from pipeline.app import Runtime

#: How many jobs still wait when the measuring ends; the shorter queue is a hundredth of it.
QUEUED = int(os.environ.get("REELWORKS_BENCH_QUEUE", "10000"))
#: How many jobs are done before measuring, while workers load what they need, and meanwhile.
WARM, SAMPLE = 50, 500
ROLES = ("control", "package", "encode", "notify")
#: Jobs a second that two cores should do.
GOAL_RATE = 10.0
#: How often beat has all jobs looked after, seconds.
EVERY_S = 30.0
GOAL_GROWTH = 1.2


def run() -> Report:
    """Measure the cost of a job before a short and before a long queue."""
    short = max(QUEUED // 100, 1)
    few = _apart(short)
    many = _apart(QUEUED)
    return Report(
        "orchestration",
        {
            "jobs in the long queue": QUEUED,
            "jobs in the short queue": short,
            "jobs a second, short queue": few.rate,
            "jobs a second, long queue": many.rate,
            "CPU seconds a job, short queue": few.cpu_s,
            "CPU seconds a job, long queue": many.cpu_s,
            "CPU seconds of a look after a short queue": few.reconcile_s,
            "CPU seconds of a look after a long queue": many.reconcile_s,
            "growth of CPU seconds a job": many.whole_s / few.whole_s,
        },
        {"growth of CPU seconds a job": GOAL_GROWTH},
        (
            f"every tool is a stand-in that sleeps {SLEEP_S} s; the workers are as shipped,",
            f"on {os.cpu_count()} cores. Measured while {SAMPLE} jobs end after the first {WARM}:",
            "as many as the queue is long still wait then, each with its message on the broker.",
            "The growth is of a job's cost with its share of the looks after all jobs, of which",
            f"there is one every {EVERY_S:g} s, at {GOAL_RATE:g} jobs a second",
        ),
        at_least={"jobs a second, short queue": GOAL_RATE, "jobs a second, long queue": GOAL_RATE},
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
    """Measure while `count` jobs wait."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name, ExitStack() as stack:
        root = Path(name) / "system"
        root.mkdir()
        ready = stack.enter_context(runtime_on(root, os.environ.get("REELWORKS_DATABASE")))
        parts = []
        if valkey.is_needed(ready.settings):
            parts.append(stack.enter_context(process(root, *valkey.part(ready.settings).argv)))
            until(lambda: valkey.answers(ready.settings), "the broker")
        _probed(ready, root)
        _queue(ready, WARM + SAMPLE + count)
        looked = time.process_time()
        reconcile()
        looked = time.process_time() - looked
        for role in ROLES:
            argv = [sys.executable, "-m", "benchmarks.standin", "worker", role]
            parts.append(stack.enter_context(process(root, *argv)))
        until(lambda: len(answering(None, 1)) == len(ROLES), "the workers")
        until(lambda: _done(ready) >= WARM, "the first jobs")
        done, before, began = _done(ready), _cpu_s(parts), time.monotonic()
        until(lambda: _done(ready) >= done + SAMPLE, "jobs")
        made, wall_s = _done(ready) - done, time.monotonic() - began
        return Cost((_cpu_s(parts) - before) / made, made / wall_s, looked)


def _queue(ready: Runtime, count: int) -> None:
    """Make so many jobs as a scan does, and publish each."""
    entry = ready.settings.pipeline.watch[0]
    entry.path.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (entry.path / f"{number}.mp4").write_bytes(str(number).encode())
    time.sleep(2 * entry.settle_seconds)
    taking = Taking(ready, publish=lambda _: False)
    made = sum(batch.made for batch in taking.take(entry, polled=False))
    if made != count:
        raise RuntimeError(f"{made} jobs were made of {count} files")
    with ready.db.read() as session:
        waiting = jobs.unfinished(session)
    for job_id in waiting:
        launch(job_id)


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
