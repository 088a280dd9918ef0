"""`make faults`: break a working system in every way, and look whether anything is lost."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.faults.lan import why_none
from tests.faults.mounts import can_mount
from tests.faults.registry import FAULTS, possible
from tests.faults.rounds import Outcome, run_rounds, schedule
from tests.faults.stacks import EMBEDDED, STACKS, running_stack

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> int:
    """Run rounds; exit 1 when a job was lost, doubled or wrong, or left something behind."""
    wanted = _arguments()
    # Stopped from outside, it ends what it started all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="reelworks-faults-"))
    no_hosts = why_none()
    faults = possible(
        wanted.stack,
        disks=can_mount(root / "trial"),
        own_hosts=no_hosts is None,
        wanted=wanted.fault,
    )
    if no_hosts:
        print(f"no hosts can be made here: {no_hosts}")
    if not faults:
        print(f"no fault of {wanted.fault} can be injected on {wanted.stack} here")
        shutil.rmtree(root)
        return 2
    left_out = sorted({fault.name for fault in FAULTS} - {fault.name for fault in faults})
    if left_out and not wanted.fault:
        print(f"left out on this stack or machine: {', '.join(left_out)}")
    print(f"{wanted.rounds} rounds, seed {wanted.seed}, stack {wanted.stack}", flush=True)
    outcomes = []
    with running_stack(wanted.stack) as stack:
        planned = schedule(faults, wanted.rounds, wanted.seed)
        for outcome in run_rounds(root, stack, planned, wanted.outage):
            _tell(outcome)
            outcomes.append(outcome)
    met = _report(outcomes, wanted)
    if met:
        shutil.rmtree(root)
    else:
        print(f"what the systems that went wrong left is in {root}", file=sys.stderr)
    return 0 if met else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--stack", choices=STACKS, default=EMBEDDED)
    parser.add_argument(
        "--fault", nargs="*", default=[], help="beginnings of the names of those to inject"
    )
    parser.add_argument(
        "--outage", type=float, default=60.0, help="how long services stay away, seconds"
    )
    return parser.parse_args()


def _tell(outcome: Outcome) -> None:
    verdict = "well" if not outcome.problems else "WRONG"
    print(
        f"round {outcome.number}: {outcome.fault}: {outcome.did}: {outcome.jobs} jobs, "
        f"{verdict} after {outcome.seconds} s",
        flush=True,
    )
    for problem in outcome.problems:
        print(f"    {problem}", flush=True)


def _report(outcomes: Sequence[Outcome], wanted: argparse.Namespace) -> bool:
    """Print the table and the line of JSON; True when every round went well."""
    by_fault = defaultdict(list)
    for outcome in outcomes:
        by_fault[outcome.fault].append(outcome)
    print(f"\n{'fault':<28}{'rounds':>7}{'jobs':>6}{'wrong':>7}{'median s':>10}{'slowest s':>11}")
    for name, rounds in sorted(by_fault.items()):
        seconds = [one.seconds for one in rounds]
        print(
            f"{name:<28}{len(rounds):>7}{sum(one.jobs for one in rounds):>6}"
            f"{sum(bool(one.problems) for one in rounds):>7}"
            f"{median(seconds):>10.1f}{max(seconds):>11.1f}"
        )
    figures = {
        "rounds": len(outcomes),
        "faults": len(by_fault),
        "jobs": sum(one.jobs for one in outcomes),
        "wrong": sum(bool(one.problems) for one in outcomes),
        "slowest_s": max(one.seconds for one in outcomes),
    }
    goals = {"wrong": 0}
    met = figures["wrong"] == 0
    run = {"stack": wanted.stack, "seed": wanted.seed, "outage_s": wanted.outage}
    print(json.dumps({"name": "faults", **run, "figures": figures, "goals": goals, "met": met}))
    return met


if __name__ == "__main__":
    sys.exit(main())
