"""The cost of a whole job, against the same ladder in the best hand-written ffmpeg command."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.clips import FILM_S, another, film
from benchmarks.costs import Cost, cost_of, load, median_of, rounds, run_quietly
from benchmarks.jobs import JobCost, jobs
from benchmarks.report import Report
from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths

SIDES = (720, 480, 360, 240, 144)
PRESET, CRF, GOP_S = "veryfast", 23, 2
#: A job also probes, takes a poster, packages HLS and DASH and reads everything back.
MOST_CPU, MOST_WALL = 1.05, 1.10
PROFILE: dict[str, Any] = {
    "video": {"ladder": list(SIDES), "preset": PRESET, "crf": CRF, "gop_seconds": GOP_S},
    "audio": {"codec": "aac", "bitrate": "128k"},
    "package": ["hls", "dash", "mp4"],
}


def run() -> Report:
    """Measure both sides in turn, of the same films, and take the medians."""
    hand: list[Cost] = []
    ours: list[JobCost] = []
    before = load()
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        with jobs(folder / "system", PROFILE) as system:
            for number in range(rounds()):
                source = another(film(), folder / f"film-{number}.mp4", number)
                hand.append(_by_hand(source, folder))
                ours.append(system.cost(source))
    cpu, wall = "job / hand-written, CPU", "job / hand-written, wall"
    pairs = list(zip(ours, hand, strict=True))
    return Report(
        "ladder",
        {
            "hand-written, CPU seconds": median_of(one.cpu_s for one in hand),
            "hand-written, wall seconds": median_of(one.wall_s for one in hand),
            "job, CPU seconds": median_of(one.cpu_s for one in ours),
            "job, wall seconds": median_of(one.wall_s for one in ours),
            "idle system, CPU seconds a second": system.idle,
            cpu: median_of(job.cpu_s / one.cpu_s for job, one in pairs),
            wall: median_of(job.wall_s / one.wall_s for job, one in pairs),
            "rounds": len(pairs),
            "load before": before,
            "load after": load(),
        },
        {cpu: MOST_CPU, wall: MOST_WALL},
        (
            f"{FILM_S}s of 1080p30 at 14 Mbit/s to {', '.join(f'{side}p' for side in SIDES)}, "
            f"x264 {PRESET} crf {CRF}, AAC",
            "medians of rounds: by hand, then the job, of the same film; ratios of each round",
            "by hand: one ffmpeg, one decode, each rung scaled from the one above, the sound coded",
            "once for all five MP4s",
            "job: every process of the system from drop to success, less what it uses idle;",
            "it also makes the poster, HLS and DASH, and reads every output back",
        ),
    )


def _by_hand(source: Path, folder: Path) -> Cost:
    """Run the cheapest command that a person who knows ffmpeg well would write."""
    out = folder / "by-hand"
    out.mkdir(exist_ok=True)
    return cost_of(lambda: run_quietly(_argv(source, out)))


def _argv(source: Path, out: Path) -> list[str]:
    steps = [f"[0:v]scale=-2:{SIDES[0]},split[v0][t0]"]
    for above, here in pairwise(range(len(SIDES) - 1)):
        steps.append(f"[t{above}]scale=-2:{SIDES[here]},split[v{here}][t{here}]")
    last = len(SIDES) - 1
    steps.append(f"[t{last - 1}]scale=-2:{SIDES[last]}[v{last}]")
    pictures = [word for number in range(len(SIDES)) for word in ("-map", f"[v{number}]")]
    coded = ["-c:v", "libx264", "-preset", PRESET, "-crf", str(CRF), "-sc_threshold", "0"]
    keys = ["-force_key_frames", f"expr:gte(t,n_forced*{GOP_S})"]
    sound = ["-map", "0:a", "-c:a", "aac", "-b:a", "128k"]
    # `tee` writes one coded stream into several files; without it the sound is coded five times.
    files = [
        f"[select=\\'v:{number},a\\':movflags=+faststart]{out}/{side}p.mp4"
        for number, side in enumerate(SIDES)
    ]
    shared = ["-flags", "+global_header", "-f", "tee", "|".join(files)]
    ffmpeg = str(find_tools(ToolPaths()).ffmpeg)
    argv = [ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    graph = ["-filter_complex", ";".join(steps)]
    return [*argv, *graph, *pictures, *coded, *keys, *sound, *shared]
