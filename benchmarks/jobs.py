"""A whole job of ours, from a dropped file to success, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.private import private_system

if TYPE_CHECKING:
    from pathlib import Path

#: How long the idle system is measured, seconds: its use is taken off the job's.
IDLE_S = 15
#: The first seconds of the system's parts are not idle.
STARTING_S = 5


@dataclass(frozen=True)
class JobCost:
    """What a job cost, seconds; `idle` is the CPU seconds a second of the system without a job.

    `cpu_s` is that of every process of the system from drop to success, less what it uses idle.
    `dropped_s` is the wall time from the drop to success; `whole_s` begins `settle_seconds` later,
    when the file has stayed as it is for so long, and so is whole. `bitrates` are those of the
    pictures made, bits a second, by rendition.
    """

    cpu_s: float
    dropped_s: float
    whole_s: float
    idle: float
    bitrates: dict[str, int]


def cost_of_job(source: Path, root: Path, profile: dict[str, Any]) -> JobCost:
    """Start a system with this profile in the new folder `root`, and drop the source into it."""
    root.mkdir()
    with private_system(root, profile) as system:
        time.sleep(STARTING_S)
        before, began = system.cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        idle = (system.cpu_s() - before) / (time.monotonic() - began)
        before, began = system.cpu_s(), time.monotonic()
        system.drop(source)
        dropped = time.time()
        job = system.wait()
        used_s, span_s = system.cpu_s() - before, time.monotonic() - began
    dropped_s = datetime.fromisoformat(job["finished_at"]).timestamp() - dropped
    config = yaml.safe_load((root / "config" / "pipeline.yml").read_text())
    return JobCost(
        cpu_s=used_s - idle * span_s,
        dropped_s=dropped_s,
        whole_s=dropped_s - config["watch"][0]["settle_seconds"],
        idle=idle,
        bitrates={
            one["name"]: round(one["bytes"] * 8 / one["duration"])
            for one in job["outputs"]["renditions"]
        },
    )
