"""The cost of our encode of a ladder, against what tutorials teach: one ffmpeg a rendition.

Two of theirs run at once. Both sides make five progressive MP4s with sound, of the same sizes,
encoder, preset, quality, key frames and sound, with the same ffmpeg. Ours is what workers do:
probe, plan, encode, mux; without the system around it, which `ladder` measures.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.clips import FILM_S, film
from benchmarks.costs import Cost, cost_of, load, median_of, rounds, run_quietly
from benchmarks.report import Report
from pipeline.media.encode import encode_unit
from pipeline.media.package import package
from pipeline.media.probe import probe
from pipeline.media.tools import Tools, find_tools
from pipeline.plan.names import result_suffix
from pipeline.plan.plan import make_plan
from pipeline.settings.pipeline import Limits, ToolPaths
from pipeline.settings.profiles import Profile

SIDES = (720, 480, 360, 240, 144)
CRF, GOP_S, AT_ONCE = 23, 2, 2
#: The most CPU seconds that ours may take of theirs, by preset.
GOALS = {"veryfast": 0.5, "medium": 0.6}


def run() -> Report:
    """Measure both sides in turn at each preset, on the same film, and take the medians."""
    source, tools = film(), find_tools(ToolPaths())
    figures: dict[str, float] = {"load before": load()}
    for preset in GOALS:
        both = [_round(tools, source, preset) for _ in range(rounds())]
        figures |= {
            f"{preset}: tutorial, CPU seconds": median_of(one.theirs.cpu_s for one in both),
            f"{preset}: tutorial, wall seconds": median_of(one.theirs.wall_s for one in both),
            f"{preset}: ours, CPU seconds": median_of(one.ours.cpu_s for one in both),
            f"{preset}: ours, wall seconds": median_of(one.ours.wall_s for one in both),
            f"{preset}: ours / tutorial, bytes": median_of(one.bytes for one in both),
            f"{preset}: ours / tutorial, wall": median_of(
                one.ours.wall_s / one.theirs.wall_s for one in both
            ),
            _goal(preset): median_of(one.ours.cpu_s / one.theirs.cpu_s for one in both),
        }
    return Report(
        "tutorial",
        {**figures, "rounds": rounds(), "load after": load()},
        {_goal(preset): most for preset, most in GOALS.items()},
        (
            f"{FILM_S}s of 1080p30 at 14 Mbit/s to {', '.join(f'{side}p' for side in SIDES)}, "
            f"x264 crf {CRF}, key frames every {GOP_S} s, AAC, MP4",
            "medians of rounds, and of their ratios",
            f"tutorial: one ffmpeg a rendition, {AT_ONCE} at once",
            "ours: probe, plan, one ffmpeg for all, and the MP4s joined",
        ),
    )


@dataclass(frozen=True)
class Round:
    """What both sides cost once; `bytes` is how large our files are, in shares of theirs."""

    theirs: Cost
    ours: Cost
    bytes: float


def _round(tools: Tools, source: Path, preset: str) -> Round:
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        theirs, their_bytes = _theirs(tools, source, Path(name), preset)
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        ours, our_bytes = _ours(tools, source, Path(name), preset)
    return Round(theirs, ours, our_bytes / their_bytes)


def _goal(preset: str) -> str:
    return f"{preset}: ours / tutorial, CPU"


def _theirs(tools: Tools, source: Path, folder: Path, preset: str) -> tuple[Cost, int]:
    commands = [_tutorial_argv(tools, source, folder, preset, side) for side in SIDES]

    def work() -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(run_quietly, commands))

    return cost_of(work), _bytes(folder)


def _tutorial_argv(tools: Tools, source: Path, folder: Path, preset: str, side: int) -> list[str]:
    read = [str(tools.ffmpeg), "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    picture = ["-vf", f"scale=-2:{side}", "-c:v", "libx264", "-preset", preset, "-crf", str(CRF)]
    keys = ["-force_key_frames", f"expr:gte(t,n_forced*{GOP_S})", "-sc_threshold", "0"]
    sound = ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
    return [*read, *picture, *keys, *sound, f"{folder}/{side}p.mp4"]


def _ours(tools: Tools, source: Path, folder: Path, preset: str) -> tuple[Cost, int]:
    ready = folder / "output"
    ready.mkdir()
    return cost_of(partial(_make, tools, source, folder, preset)), _bytes(ready / "mp4")


def _make(tools: Tools, source: Path, folder: Path, preset: str) -> None:
    profile = Profile.model_validate(
        {
            "video": {"ladder": list(SIDES), "preset": preset, "crf": CRF, "gop_seconds": GOP_S},
            "audio": {"codec": "aac", "bitrate": "128k"},
            "package": ["mp4"],
        }
    )
    plan = make_plan(probe(tools, source, Limits()), profile)
    made: dict[str, Path] = {}
    for unit in plan.units:
        wanted = {
            step: folder / f"{len(made) + number}{result_suffix(step)}"
            for number, step in enumerate(unit.steps)
        }
        encode_unit(tools, plan, unit, wanted)
        made |= wanted
    package(tools, plan, made, folder / "output")


def _bytes(folder: Path) -> int:
    """Sum up the MP4s that were made: one for each rung, or the comparison is none."""
    sizes = [(folder / f"{side}p.mp4").stat().st_size for side in SIDES]
    return sum(sizes)
