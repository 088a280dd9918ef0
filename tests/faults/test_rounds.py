"""The suite of `make faults` itself, and a few of its faults on the embedded stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import checker
from tests.faults.mounts import can_mount
from tests.faults.registry import FAULTS, possible
from tests.faults.rounds import run_rounds, schedule
from tests.faults.stacks import EMBEDDED, STACKS, running_stack

if TYPE_CHECKING:
    from pathlib import Path

#: Quick ones of several families: `make faults` injects them all.
SELECTION = ("kill-up", "broker-emptied", "full-work")


def test_a_seed_always_plans_the_same_rounds_and_every_fault_before_any_twice() -> None:
    faults = possible(EMBEDDED, disks=True, own_hosts=True)
    planned = schedule(faults, len(faults) + 3, seed=7)
    assert planned == schedule(faults, len(faults) + 3, seed=7)
    assert planned != schedule(faults, len(faults) + 3, seed=8)
    assert {fault.name for fault, _ in planned[: len(faults)]} == {one.name for one in faults}


def test_every_fault_has_a_name_of_its_own_and_a_stack_to_happen_on() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    assert all(set(fault.stacks) <= set(STACKS) and fault.stacks for fault in FAULTS)


@pytest.mark.stack
def test_a_batch_survives_a_kill_an_emptied_broker_and_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `make faults` waits for what comes late.
    monkeypatch.setattr(checker, "LATER_S", 0.0)
    disks = can_mount(tmp_path / "trial")
    faults = [
        one for one in possible(EMBEDDED, disks=disks, own_hosts=False) if one.name in SELECTION
    ]
    with running_stack(EMBEDDED) as stack:
        outcomes = list(run_rounds(tmp_path, stack, schedule(faults, len(faults), seed=1), 5.0))
    assert {one.fault: one.problems for one in outcomes} == {fault.name: () for fault in faults}
