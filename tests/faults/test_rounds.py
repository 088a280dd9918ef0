"""The suite of `make faults` itself, and a few of its faults on the embedded stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.registry import FAULTS, possible
from tests.faults.rounds import run_rounds, schedule
from tests.faults.stacks import EMBEDDED, RABBIT, REDIS, running_stack

if TYPE_CHECKING:
    from pathlib import Path

#: Quick ones of several families: `make faults` injects them all.
SELECTION = ("kill-up", "broker-emptied", "full-work")


def test_a_seed_always_plans_the_same_rounds_and_every_fault_before_any_twice() -> None:
    faults = possible(EMBEDDED, disks=True)
    planned = schedule(faults, len(faults) + 3, seed=7)
    assert planned == schedule(faults, len(faults) + 3, seed=7)
    assert planned != schedule(faults, len(faults) + 3, seed=8)
    assert {fault.name for fault, _ in planned[: len(faults)]} == {one.name for one in faults}


def test_every_fault_has_a_name_of_its_own_and_a_stack_to_happen_on() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    everywhere = {
        one.name for stack in (EMBEDDED, REDIS, RABBIT) for one in possible(stack, disks=True)
    }
    assert everywhere == set(names)


@pytest.mark.stack
def test_a_batch_survives_a_kill_an_emptied_broker_and_a_full_disk(tmp_path: Path) -> None:
    faults = [fault for fault in possible(EMBEDDED, disks=True) if fault.name in SELECTION]
    with running_stack(EMBEDDED) as stack:
        outcomes = list(run_rounds(tmp_path, stack, schedule(faults, len(faults), seed=1), 5.0))
    assert {one.fault: one.problems for one in outcomes} == dict.fromkeys(SELECTION, ())
