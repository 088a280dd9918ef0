"""A thousand clips of a second: jobs a minute, how long encoders ran, memory; then as many again.

`REELWORKS_BENCH_CLIPS` changes the number. The clips are cut from a real one at different places,
and each has other bytes. The system is private, as shipped, on its embedded broker and database.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.clips import another, film
from benchmarks.private import (
    CONFIG,
    TICKS,
    Private,
    children,
    cpu_ticks,
    family,
    name_of,
    private_system,
)
from benchmarks.report import Report
from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIPS = int(os.environ.get("REELWORKS_BENCH_CLIPS", "1000"))
#: How many different seconds the clips are of, and their height.
CUTS, HEIGHT = 20, 360
#: How often it is looked whether an encoder runs, and which processes there are, seconds.
LOOK_S, LIST_S = 0.02, 1.0
#: How long clips may take at most, seconds: before the first ends, and each on the mean.
START_S, PATIENCE_S = 60.0, 3.0
GOAL_BUSY, GOAL_GROWTH = 0.9, 1.05
ENCODER = "worker encode"


def run() -> Report:
    """Drop the clips at once, see them to their end, measure; and once more."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        cuts = _cuts(folder)
        root = folder / "system"
        root.mkdir()
        profile: dict[str, Any] = yaml.safe_load((CONFIG / "profiles.yml").read_text())["web"]
        with private_system(root, profile) as system:
            first = _thousand(system, cuts, folder, 0)
            second = _thousand(system, cuts, folder, CLIPS)
    figures: dict[str, float] = {"clips": CLIPS}
    for word, one in (("first", first), ("second", second)):
        figures |= {
            f"jobs a minute, {word}": CLIPS / one.wall_s * 60,
            f"share of time with an encoder, {word}": one.busy,
            f"share of time with an encode step, {word}": one.claimed,
            f"CPU seconds a job, {word}": sum(one.cpu_s.values()) / CLIPS,
            **{f"CPU seconds a job of {part}, {word}": s / CLIPS for part, s in one.cpu_s.items()},
            f"first result after seconds, {word}": one.first_s,
        }
    memory = {f"MB of {part}": size for part, size in first.memory.items()}
    later = {f"MB of {part}, after the second": size for part, size in second.memory.items()}
    growth = sum(second.memory.values()) / sum(first.memory.values())
    return Report(
        "load",
        {**figures, **memory, **later, "growth of all memory": growth},
        {"growth of all memory": GOAL_GROWTH},
        (
            f"clips of a second and {HEIGHT}p, dropped at once, with the configuration as shipped",
            "the time is from the first drop to the end of the last job",
            f"an encoder runs when, looked at every {LOOK_S:g} s, the encode worker has an ffmpeg;",
            "what probes, takes posters, packages and reads back does not count",
            "an encode step is held from claim to publication; memory is proportional (PSS)",
        ),
        at_least={
            "share of time with an encoder, first": GOAL_BUSY,
            "share of time with an encoder, second": GOAL_BUSY,
        },
    )


@dataclass
class Measured:
    """What some clips took: CPU seconds and megabytes of memory by part.

    `busy` is the share of the time in which an encoder ran, `claimed` in which a step was held.
    """

    wall_s: float
    cpu_s: dict[str, float]
    busy: float
    claimed: float
    first_s: float
    memory: dict[str, float]


@dataclass
class Looks:
    """Looks, in a thread of its own, whether an encoder runs."""

    system: Private
    seen: list[bool] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Looks:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        listed, workers = float("-inf"), [0]
        while not self._ended.wait(LOOK_S):
            if time.monotonic() - listed > LIST_S:
                listed = time.monotonic()
                workers = [pid for root in encoders(self.system) for pid in family(root)]
            tools = (tool for pid in workers for tool in children(pid))
            self.seen.append(any(name_of(tool).startswith("ffmpeg") for tool in tools))


def _thousand(system: Private, cuts: list[Path], folder: Path, begin: int) -> Measured:
    made = folder / "made"
    made.mkdir(exist_ok=True)
    clips = [
        another(cuts[number % CUTS], made / f"clip-{number}.mp4", number)
        for number in range(begin, begin + CLIPS)
    ]
    system.inbox.mkdir(parents=True, exist_ok=True)
    if not encoders(system):
        raise RuntimeError(f"no part is named {ENCODER!r}: {dict(parts(system))}")
    before, began, clock = cpu(system), time.monotonic(), time.time()
    with Looks(system) as looks:
        for one in clips:
            one.rename(system.inbox / one.name)
        while _ended(system) < begin + CLIPS:
            if time.monotonic() - began > START_S + CLIPS * PATIENCE_S:
                raise TimeoutError("the clips did not end")
            time.sleep(1)
    wall_s = time.monotonic() - began
    first, busy_s = _times(system, begin)
    return Measured(
        wall_s,
        {part: used_s - before.get(part, 0.0) for part, used_s in cpu(system).items()},
        sum(looks.seen) / len(looks.seen),
        busy_s / wall_s,
        first - clock,
        memory(system),
    )


def _cuts(folder: Path) -> list[Path]:
    """Cut different seconds out of the film."""
    ffmpeg = str(find_tools(ToolPaths()).ffmpeg)
    made = []
    for number in range(CUTS):
        made.append(folder / f"cut-{number}.mp4")
        argv = [ffmpeg, "-nostdin", "-loglevel", "error", "-ss", str(number), "-i", str(film())]
        coded = ["-t", "1", "-vf", f"scale=-2:{HEIGHT}", "-c:v", "libx264", "-preset", "veryfast"]
        subprocess.run([*argv, *coded, "-c:a", "aac", str(made[-1])], check=True)
    return made


def _ended(system: Private) -> int:
    found = dict(system.asked("SELECT state, count(*) FROM jobs GROUP BY state"))
    bad = set(found) - {"queued", "running", "succeeded"}
    if bad:
        raise RuntimeError(f"jobs ended badly: {found}")
    return int(found.get("succeeded", 0))


def _times(system: Private, begin: int) -> tuple[float, float]:
    """Tell when the first of the last jobs ended, and how long some encode step was held."""
    unix = "(julianday({}) - 2440587.5) * 86400"
    of_these = f"jobs.seq > {begin}"
    ended = system.asked(f"SELECT min({unix.format('finished_at')}) FROM jobs WHERE {of_these}")
    spans = system.asked(
        f"SELECT {unix.format('a.started_at')}, {unix.format('a.finished_at')} FROM attempts a "
        "JOIN steps ON steps.id = a.step_id JOIN jobs ON jobs.id = steps.job_id "
        f"WHERE steps.kind = 'rendition' AND {of_these} ORDER BY 1",
    )
    busy, until = 0.0, 0.0
    for start, end in spans:
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return float(ended[0][0]), busy


def parts(system: Private) -> Iterator[tuple[int, str]]:
    """Name the parts of a system: each process that it started, by its words or its program."""
    for child in children(system.pid):
        try:
            words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        except OSError:
            continue  # it ended since it was listed
        yield int(child), part_named(words)


def encoders(system: Private) -> list[int]:
    return [pid for pid, part in parts(system) if part == ENCODER]


def part_named(words: list[str]) -> str:
    """Name a part by its command line: `worker encode`, whatever its options; else the program."""
    if "pipeline.cli" not in words:
        return Path(words[0]).name
    said = words[words.index("pipeline.cli") + 1 :]
    return " ".join(takewhile(lambda word: word and not word.startswith("-"), said))


def memory(system: Private) -> dict[str, float]:
    """Measure the memory of each part with its processes, megabytes: shared pages by their share.

    What one shares with others counts as its part of it (PSS, proc(5)).
    """
    return {part: sum(map(_pss_mb, family(pid))) for pid, part in parts(system)}


def cpu(system: Private) -> dict[str, float]:
    """Sum what each part with its processes has used, CPU seconds; dead ones by their parents."""
    return {part: sum(cpu_ticks(one) for one in family(pid)) / TICKS for pid, part in parts(system)}


def _pss_mb(pid: int) -> float:
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0  # it ended since it was listed
    return next(int(line.split()[1]) for line in said.splitlines() if line.startswith("Pss:")) / 1e3
