"""Every fault there is; a family a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import (
    brokers,
    clocks,
    databases,
    disks,
    hands,
    hosts,
    kills,
    network,
    pauses,
    poison,
    sources,
    stops,
    upgrades,
)
from tests.faults.wall_clock import COMPILER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.fault import Fault

#: One file a family: its `FAULTS` are what can be injected of it.
FAMILIES = (
    *(kills, stops, brokers, network, databases, disks),
    *(sources, clocks, pauses, poison, hands, upgrades, hosts),
)
FAULTS: tuple[Fault, ...] = tuple(fault for family in FAMILIES for fault in family.FAULTS)


def possible(
    stack: str, *, disks: bool, own_hosts: bool, wanted: Iterable[str] = ()
) -> list[Fault]:
    """List the faults that can be injected on a stack here; `wanted` are beginnings of names.

    `disks` and `own_hosts` say whether such can be made.
    """
    names = tuple(wanted)
    return [
        fault
        for fault in FAULTS
        if stack in fault.stacks
        and (disks or not fault.needs_disks)
        and (own_hosts or not fault.needs_hosts)
        and (COMPILER or not fault.needs_clock)
        and (not names or fault.name.startswith(names))
    ]
