"""One film is encoded by two other hosts at once, and one of them is cut off or dies meanwhile.

Cut off for a moment, until long after its work was given to the other, or for ever.

This machine has the servers and every part but the encodes, which are drained here.
"""

from __future__ import annotations

import hashlib
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.history import workers
from pipeline.models import Attempt, Job, JobState, Rendition, Step, StepKind, StepState
from tests.faults.checker import wait_until_ended
from tests.faults.fault import Fault, Scene
from tests.faults.lan import Host, lan
from tests.faults.proxy import Proxy
from tests.faults.stacks import COMPOSE, RABBIT, REDIS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: The film, seconds and frames a second: long enough for a range for each host.
SECONDS, RATE = 60, 25
NAMES = ("host-a", "host-b")
#: How long a host is cut off, seconds: as long as a lease.
CUT_S = 30.0
#: How long the workers may take to start, and the film to be planned, seconds.
START_S = 240.0
#: How long the other host may take to do all that is left of the film, seconds.
TAKEN_OVER_S = 900.0
#: How long a host that comes back late is given to do harm, seconds.
LATE_S = 15.0


@dataclass(frozen=True)
class Tried:
    """One try at a step of the film, and the host it was made on."""

    step: str
    kind: StepKind
    host: str
    outcome: str | None


def _cut_off(scene: Scene, victim: Host, _: str) -> None:
    scene.broken(victim.cut, victim.mend, CUT_S)


def _dies(_: Scene, victim: Host, __: str) -> None:
    victim.die()


def _comes_late(scene: Scene, victim: Host, film: str) -> None:
    """Cut a host off until the other has done everything; what it then says must count no more."""
    victim.cut()
    try:
        scene.wait_for(lambda: _outputs(scene, film), "the other host to end it", TAKEN_OVER_S)
        before = _sums(_outputs(scene, film))
    finally:
        victim.mend()
    scene.wait_for(lambda: victim.name in _announced(scene), f"{victim.name} to be back", START_S)
    scene.wait_for(lambda: not scene.site.tools(film), f"what {victim.name} ran to end", START_S)
    time.sleep(LATE_S)
    if _sums(_outputs(scene, film)) != before:
        scene.problems.append(f"{victim.name} came back late and changed what was published")


def _during_its_range(scene: Scene, harm: Callable[[Scene, Host, str], None], did: str) -> str:
    """Do harm to one of two hosts while both encode the film, and look who made what."""
    scene.problems += wait_until_ended(scene.site, scene.batch)
    with _drained(scene), _two_hosts(scene) as hosts:
        film = scene.batch.drop("slow", seconds=SECONDS, size="960x540").name
        scene.wait_for(lambda: set(_held(scene, film).values()) == set(NAMES), "ranges", START_S)
        scene.sometime(2.0)
        victim = scene.dice.choice(hosts)
        held = _held(scene, film)
        harm(scene, victim, film)
        scene.problems += wait_until_ended(scene.site, scene.batch)
        scene.problems += [
            f"the worker of {host.name} ended with status {status}"
            for host in hosts
            for status in host.stop()
        ]
    tried = _tried(scene, film)
    lost = {step for step, host in held.items() if host == victim.name}
    scene.problems += _wrong(tried, lost, None if harm is _cut_off else victim.name)
    scene.problems += _not_whole(scene, film)
    told = ", ".join(f"{one.step} {one.outcome} on {one.host}" for one in _ranges(tried))
    return f"{victim.name} {did} while it encoded {', '.join(sorted(lost))} ({told})"


@contextmanager
def _drained(scene: Scene) -> Iterator[None]:
    """Let this machine take no encodes meanwhile."""
    scene.site.system.cli("drain", "encode")
    try:
        yield
    finally:
        scene.site.system.cli("drain", "encode", "--undo")


@contextmanager
def _two_hosts(scene: Scene) -> Iterator[list[Host]]:
    """Start two hosts, each with a worker that encodes one thing at a time."""
    argv = (sys.executable, "-m", "pipeline.cli", "worker", "encode", "--concurrency", "1")
    with lan(NAMES) as (network, hosts), _reachable(scene, network.address) as environment:
        for host in hosts:
            host.start(argv, environment, str(scene.site.root))
        scene.wait_for(lambda: set(NAMES) <= _announced(scene), "the hosts' workers", START_S)
        yield hosts


@contextmanager
def _reachable(scene: Scene, address: str) -> Iterator[Mapping[str, str]]:
    """Let the servers be reached at an address of this machine, and say how."""
    ports = {name: proxy.target_port for name, proxy in scene.stack.proxies.items()}
    proxies = {name: Proxy(port, address) for name, port in ports.items()}
    with ExitStack() as open_ones:
        for proxy in proxies.values():
            open_ones.enter_context(closing(proxy))
        yield {**scene.site.environment, **replace(scene.stack, proxies=proxies).environment}


def _host_of(owner: str) -> str:
    """Tell the host from `role@host/process/task`."""
    return owner.partition("@")[2].partition("/")[0]


def _announced(scene: Scene) -> set[str]:
    with scene.site.database() as database, database.read() as session:
        return {_host_of(one.name) for one in workers.present(session)}


def _held(scene: Scene, film: str) -> dict[str, str]:
    """Map the film's ranges that are encoded now to their hosts."""
    running = (Step.kind == StepKind.RANGE) & (Step.state == StepState.RUNNING)
    query = select(Step).join(Job).where(Job.original_path.like(f"%/{film}"), running)
    with scene.site.database() as database, database.read() as session:
        return {step.name: _host_of(step.owner or "") for step in session.scalars(query)}


def _tried(scene: Scene, film: str) -> list[Tried]:
    """List every try at the film's steps, by their order."""
    query = select(Step, Attempt).join(Attempt, Attempt.step_id == Step.id).join(Job)
    query = query.where(Job.original_path.like(f"%/{film}")).order_by(Attempt.id)
    with scene.site.database() as database, database.read() as session:
        return [
            Tried(step.name, step.kind, _host_of(attempt.owner), attempt.outcome)
            for step, attempt in session.execute(query).tuples()
        ]


def _ranges(tried: list[Tried]) -> list[Tried]:
    return [one for one in tried if one.kind is StepKind.RANGE]


def _wrong(tried: list[Tried], lost: set[str], gone: str | None) -> list[str]:
    """See that each step was done once, and what a host held that is gone, by another."""
    done = [one for one in tried if one.outcome == "done"]
    names = {one.step for one in tried}
    found = [
        f"{name} was done {times} times"
        for name in sorted(names)
        if (times := sum(one.step == name for one in done)) != 1
    ]
    if {one.host for one in _ranges(tried)} != set(NAMES):
        found.append(f"not both hosts encoded: {_ranges(tried)}")
    if not lost:
        found.append("the host held no range when it was harmed")
    if gone is not None:
        found += [
            f"{gone} did {one.step}, which it had lost"
            for one in done
            if one.host == gone and one.step in lost
        ]
    return found


def _outputs(scene: Scene, film: str) -> Path | None:
    """Name the film's output folder; None while its job has not succeeded."""
    mine = Job.original_path.like(f"%/{film}") & (Job.state == JobState.SUCCEEDED)
    with scene.site.database() as database, database.read() as session:
        folder = session.scalars(select(Job.output_directory).where(mine)).first()
    return Path(folder) if folder else None


def _sums(folder: Path | None) -> dict[str, str]:
    """Map each file below the folder to the checksum of what it holds."""
    files = sorted(path for path in (folder or Path("/nowhere")).rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _not_whole(scene: Scene, film: str) -> list[str]:
    """See that each picture of the film has all frames, and its outputs verify."""
    query = select(Rendition).join(Job).where(Job.original_path.like(f"%/{film}"))
    with scene.site.database() as database, database.read() as session:
        made = [one for one in session.scalars(query) if one.width]
        found = [
            f"{one.name} has {one.frames} frames, not {SECONDS * RATE}"
            for one in made
            if one.frames != SECONDS * RATE
        ]
        ids = {one.job_id for one in made}
    if len(ids) != 1:
        return [*found, f"{len(ids)} jobs made pictures of the film"]
    told = scene.site.system.cli("verify", ids.pop()[:8], check=False)
    return found if told.returncode == 0 else [*found, f"verify: {told.stdout}{told.stderr}"]


FAULTS = tuple(
    Fault(
        name,
        partial(_during_its_range, harm=harm, did=did),
        stacks=(REDIS, RABBIT, COMPOSE),
        needs_hosts=True,
    )
    for name, harm, did in (
        ("hosts-cut", _cut_off, f"was cut off for {CUT_S:.0f} s"),
        ("hosts-late", _comes_late, "was cut off until the other had done everything"),
        ("hosts-dead", _dies, "died"),
    )
)
