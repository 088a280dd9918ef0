"""Rounds: drop a batch, inject one fault, wait for the end, check."""

from __future__ import annotations

import random
import shutil
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.batch import Batch
from tests.faults.checker import check, check_again, lost_tries, wait_until_ended
from tests.faults.crashes import Logs
from tests.faults.fault import Fault, Scene
from tests.faults.site import running_site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.site import Site
    from tests.faults.stacks import Stack


@dataclass(frozen=True)
class Outcome:
    """What a round came to."""

    number: int
    fault: str
    did: str
    jobs: int
    seconds: float
    problems: tuple[str, ...]


def schedule(faults: Sequence[Fault], rounds: int, seed: int) -> list[tuple[Fault, int]]:
    """Choose the fault of each round and the seed of its dice: all faults come before any twice."""
    dice = random.Random(seed)
    chosen: list[Fault] = []
    while len(chosen) < rounds:
        chosen += dice.sample(list(faults), len(faults))
    return [(fault, dice.randrange(1 << 32)) for fault in chosen[:rounds]]


def run_rounds(
    root: Path, stack: Stack, planned: Sequence[tuple[Fault, int]], outage_s: float
) -> Iterator[Outcome]:
    """Run the rounds on one system; after one that went wrong, on a new one.

    What a system that went wrong has left is kept below `root` for whoever looks into it.
    """
    waiting = list(enumerate(planned))
    while waiting:
        home = root / f"from-{waiting[0][0]}"
        home.mkdir(parents=True)
        with ExitStack() as closing:
            site = closing.enter_context(running_site(home, stack))
            logs = Logs(site)
            outcome, batches = None, list[Batch]()
            while waiting and site.runs and not (outcome and outcome.problems):
                number, (fault, seed) = waiting.pop(0)
                scene = _scene(site, stack, number, random.Random(seed), outage_s)
                batches.append(scene.batch)
                outcome = _round(scene, number, fault, logs)
                if outcome.problems:
                    _keep(site, home)
                yield outcome
            if outcome and not outcome.problems:
                for problems in (_last_look(site, batches), _last_stop(site, stack, logs)):
                    if problems:
                        _keep(site, home)
                        yield replace(outcome, fault="the end", did="stopped", problems=problems)
        _drop_tables(stack)


def _scene(site: Site, stack: Stack, number: int, dice: random.Random, outage_s: float) -> Scene:
    batch = Batch(site.media, site.root / "clips", number)
    return Scene(site, stack, batch, dice, outage_s)


def _round(scene: Scene, number: int, fault: Fault, logs: Logs) -> Outcome:
    began = time.monotonic()
    site, batch = scene.site, scene.batch
    did = "nothing"
    try:
        batch.drop_usual(scene.dice)
        did = fault.inject(scene)
        scene.stack.mend()
        problems = wait_until_ended(site, batch) or check(site, batch)
    except Exception:  # noqa: BLE001 - what breaks a round is its finding, and the next goes on
        problems = [traceback.format_exc()]
    crashes = logs.crashes()
    problems += scene.problems + ([] if fault.ends_parts else crashes)
    problems += lost_tries(site, batch) if fault.costs_no_try else []
    seconds = round(time.monotonic() - began, 1)
    jobs = sum(file.jobs for file in batch.files)
    if not problems:
        site.forget()
        shutil.rmtree(batch.clips)
    return Outcome(number, fault.name, did, jobs, seconds, tuple(problems))


def _last_look(site: Site, batches: Sequence[Batch]) -> tuple[str, ...]:
    """Look over all batches of a system again: what came after the look at each is seen here."""
    return tuple(check_again(site, batches)) if site.runs else ()


def _last_stop(site: Site, stack: Stack, logs: Logs) -> tuple[str, ...]:
    """Stop a system with which all went well; says what broke over that."""
    stack.mend()
    status = site.stop()
    found = [f"up ended with status {status}"] if status else []
    return (*found, *logs.crashes())


def _keep(site: Site, home: Path) -> None:
    """Copy what is on disks that are gone with the system."""
    for name in site.disks:
        shutil.copytree(site.media / name, home / "kept" / name, ignore=_sockets)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket() or name == ".filler"]


def _drop_tables(stack: Stack) -> None:
    """Give the next system empty servers."""
    from sqlalchemy import make_url, text

    from pipeline.history.database import server_engine

    if stack.direct_database is not None:
        engine = server_engine(make_url(stack.direct_database))
        with engine.begin() as connection:
            if connection.dialect.name == "mysql":
                connection.execute(text("DROP DATABASE reelworks"))
                connection.execute(text("CREATE DATABASE reelworks"))
            else:
                connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        engine.dispose()
    for server in (stack.broker, stack.results):
        if server is not None:
            server.empty()
