"""A history of a million jobs: how long people wait for a list, a page, a search and one job.

`REELWORKS_BENCH_JOBS` changes the number of jobs. SQLite is always measured, and PostgreSQL
where `REELWORKS_DATABASE` names a server: a database of its own is made there and dropped.
`reelworks jobs` is asked in this process and, to tell what starting Python adds, as a command;
all else of a web part that runs.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

from click.testing import CliRunner

from benchmarks import filling
from benchmarks.costs import cost_of
from benchmarks.private import process, until
from benchmarks.report import Report
from pipeline.app import Runtime, runtime
from pipeline.cli.context import Cli
from pipeline.cli.jobs import jobs as jobs_verb
from tests.system import Alerts, server_database_for, write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = int(os.environ.get("REELWORKS_BENCH_JOBS", "1000000"))
GOAL_MS = 50.0
#: How often each is asked; the 95th percentile of it is told.
ASKED = 100
#: How often a whole command is started.
STARTED = 10


def run() -> Report:
    """Fill a database, then ask it as the command line, the pages and the API do."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as folder:
        root = Path(folder)
        figures |= _measured("SQLite", root / "sqlite", None)
        with server_database_for() as server:
            if server is not None:
                address = server.render_as_string(hide_password=False)
                figures |= _measured("PostgreSQL", root / "postgresql", address)
    goals = {name: GOAL_MS for name in figures if name.endswith("p95 ms")}
    return Report(
        "history",
        {"jobs": JOBS, **figures},
        goals,
        (
            f"each asked {ASKED} times: of a running web part; `reelworks jobs` in this process,",
            "without the start of Python, which the line `the whole command` has in it",
            "a search is for a name that one job has, or for a word that every eighth has",
        ),
    )


def _measured(kind: str, root: Path, address: str | None) -> dict[str, float]:
    root.mkdir()
    with runtime_on(root, address) as ready:
        began = time.monotonic()
        filling.fill(ready.db, JOBS)
        print(f"{kind}: {JOBS:,} jobs in {time.monotonic() - began:.0f} s", file=sys.stderr)
        with _web(ready, root) as (pid, got):
            found = _asked(kind, _listings(ready), os.getpid()) | _asked(kind, _pages(got), pid)
        return found | _whole_command(kind, root)


def _whole_command(kind: str, root: Path) -> dict[str, float]:
    """Tell what starting Python adds. Its compiled modules are kept, whatever is set here."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(root / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [sys.executable, "-m", "pipeline.cli", "jobs"]

    def start() -> None:
        subprocess.run(argv, check=True, env=environment, stdout=subprocess.DEVNULL)

    start()
    costs = [cost_of(start) for _ in range(STARTED)]
    name = f"{kind}, `reelworks jobs`, the whole command, median"
    return {
        f"{name} ms": 1000 * statistics.median(cost.wall_s for cost in costs),
        f"{name} CPU ms": 1000 * statistics.median(cost.cpu_s for cost in costs),
    }


def _asked(kind: str, questions: dict[str, Callable[[], None]], pid: int) -> dict[str, float]:
    """Ask each question many times; `pid` is the process that answers, for its CPU time."""
    found = {}
    for name, ask in questions.items():
        ask()  # the first one compiles templates and statements
        # What is there by now stays, as in a process that runs on.
        gc.collect()
        gc.freeze()
        before = _cpu_ms(pid)
        times = [_timed(ask) for _ in range(ASKED)]
        cpu_ms = (_cpu_ms(pid) - before) / ASKED
        print(
            f"{kind}: {name}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms,"
            f" CPU {cpu_ms:.1f} ms",
            file=sys.stderr,
        )
        found[f"{kind}, {name}, p95 ms"] = statistics.quantiles(times, n=20)[-1]
    return found


def _cpu_ms(pid: int) -> float:
    """Tell what a process used, by the kernel's clock of it (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def _listings(ready: Runtime) -> dict[str, Callable[[], None]]:
    def listed(*words: str) -> None:
        cli = Cli(None)
        cli.__dict__["runtime"] = ready
        said = CliRunner().invoke(jobs_verb, words, obj=cli, catch_exceptions=False)
        if said.exit_code or not said.output:
            raise RuntimeError(said.output)

    return {
        "`reelworks jobs`": listed,
        "`reelworks jobs --state failed`": lambda: listed("--state", "failed"),
    }


def _pages(got: Callable[[str], None]) -> dict[str, Callable[[], None]]:
    draw = random.Random(1)

    def job_id() -> str:
        return filling.job_id(draw.randrange(JOBS))

    return {
        "first page": lambda: got("/"),
        "a page from the middle": lambda: got(f"/?before={job_id()}"),
        "search for one": lambda: got(f"/api/v1/jobs?name=take-{draw.randrange(JOBS)}."),
        "search for many": lambda: got(f"/?name={draw.choice(filling.WORDS)}"),
        "search for nothing": lambda: got(f"/?name=nobody{draw.randrange(1000)}"),
        "one job": lambda: got(f"/api/v1/jobs/{job_id()}"),
        "one job's page": lambda: got(f"/jobs/{job_id()}"),
    }


def _timed(ask: Callable[[], None]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


@contextmanager
def _web(ready: Runtime, root: Path) -> Iterator[tuple[int, Callable[[str], None]]]:
    """Run the web part; gives its process, and what asks it for a path."""
    listen = ready.settings.pipeline.web.listen

    def got(path: str) -> None:
        with urllib.request.urlopen(f"http://{listen}{path}") as answer:
            answer.read()

    def answers() -> bool:
        try:
            got("/healthz")
        except URLError:
            return False
        return True

    with process(root, sys.executable, "-m", "pipeline.cli", "web") as pid:
        until(answers, "the web part")
        yield pid, got


@contextmanager
def runtime_on(root: Path, address: str | None) -> Iterator[Runtime]:
    """Give a runtime on a database of its own: SQLite, or the one at the address."""
    former = dict(os.environ)
    os.environ["REELWORKS_CONFIG"] = str(write_config(root, Alerts(url="json://127.0.0.1:1/")))
    os.environ["REELWORKS_DATABASE"] = address or "embedded"
    runtime.cache_clear()
    ready = runtime()
    try:
        ready.prepare()
        yield ready
    finally:
        ready.db.dispose()
        os.environ.clear()
        os.environ.update(former)
        runtime.cache_clear()
