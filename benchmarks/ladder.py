"""CPU seconds of a whole job, against the same ladder in one hand-written ffmpeg command."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.clips import clip
from benchmarks.private import private_system
from benchmarks.report import Report
from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths

SECONDS = 20
SIDES = (720, 480, 360, 240, 144)
PRESET, CRF, GOP_S = "veryfast", 23, 2
#: Seconds of the idle system that are measured, to be taken off the job's.
IDLE_S = 15
#: A job also probes, takes a poster, packages HLS and DASH and reads everything back; it may
#: cost no more than the hand-written command all the same.
GOAL = 1.0


def run() -> Report:
    """Measure both ways once, in turn, on the same clip."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        source = clip(folder, seconds=SECONDS)
        hand_cpu_s, hand_s = _by_hand(source, folder)
        job_cpu_s, job_s, idle = _by_job(source, folder / "system")
        again_cpu_s, _ = _by_hand(source, folder)
    hand = (hand_cpu_s + again_cpu_s) / 2
    return Report(
        "ladder",
        {
            "hand-written, CPU seconds": hand,
            "hand-written, wall seconds": hand_s,
            "job, CPU seconds": job_cpu_s,
            "job, wall seconds": job_s,
            "idle system, CPU seconds a second": idle,
            "job / hand-written, CPU": job_cpu_s / hand,
        },
        {"job / hand-written, CPU": GOAL},
        (
            f"{SECONDS} s of 1080p30 H.264 to {', '.join(f'{side}p' for side in SIDES)}, "
            f"x264 {PRESET} crf {CRF}, AAC",
            "by hand: one ffmpeg, split, each rung scaled from the source, five MP4s",
            "job: every process of the system from drop to success, less what it uses idle;",
            "it also makes the poster, HLS and DASH, and reads every output back",
        ),
    )


def _by_hand(source: Path, folder: Path) -> tuple[float, float]:
    """Run what a person would write; returns CPU and wall seconds."""
    out = folder / "by-hand"
    out.mkdir(exist_ok=True)
    split = f"[0:v]split={len(SIDES)}" + "".join(f"[s{side}]" for side in SIDES)
    scales = [f"[s{side}]scale=-2:{side}[v{side}]" for side in SIDES]
    outputs = [word for side in SIDES for word in _output(side, out)]
    graph = ";".join([split, *scales])
    ffmpeg = str(find_tools(ToolPaths()).ffmpeg)
    argv = [ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*argv, "-filter_complex", graph, *outputs], check=True)
    wall_s = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu_s, wall_s


def _output(side: int, folder: Path) -> list[str]:
    picture = ["-c:v", "libx264", "-preset", PRESET, "-crf", str(CRF), "-sc_threshold", "0"]
    keys = ["-force_key_frames", f"expr:gte(t,n_forced*{GOP_S})"]
    sound = ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
    return ["-map", f"[v{side}]", "-map", "0:a", *picture, *keys, *sound, f"{folder}/{side}p.mp4"]


def _by_job(source: Path, root: Path) -> tuple[float, float, float]:
    """Run a job through a whole system; returns CPU and wall seconds, and the idle use."""
    root.mkdir()
    video = {"ladder": list(SIDES), "preset": PRESET, "crf": CRF, "gop_seconds": GOP_S}
    with private_system(root, {"video": video}) as system:
        time.sleep(5)  # the parts' first seconds are not idle
        before, began = system.cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        idle = (system.cpu_s() - before) / (time.monotonic() - began)
        before, began = system.cpu_s(), time.monotonic()
        system.drop(source)
        system.wait()
        wall_s = time.monotonic() - began
        cpu_s = system.cpu_s() - before - idle * wall_s
    return cpu_s, wall_s, idle
