"""`reelworks status`: does it run, where are its pages, what does it do now?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say, say_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.stack.overview import Overview

#: Exit code when the system does not run.
UNREACHABLE = 3


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status(cli: Cli, as_json: bool) -> None:
    """Show what runs, where the pages are, and what is being done; exit 3 if it does not run."""
    from pipeline.stack.overview import overview

    found = overview(cli.settings, cli.runtime.db)
    if as_json:
        say_json(asdict(found))
    else:
        for line in _lines(found):
            say(line)
    if not found.running:
        raise SystemExit(UNREACHABLE)


def _lines(found: Overview) -> Iterator[str]:
    yield _whether_it_runs(found)
    if found.full:
        yield f"full      {found.full} Everything waits until there is room."
    yield f"broker    {_word(answers=found.broker)}"
    workers = [f"{node} (drained)" if node in found.drained else node for node in found.workers]
    yield f"workers   {', '.join(workers) or 'none answers'}"
    for name in ("watch", "beat"):
        yield f"{name:<9} {'runs' if found.parts[name] else 'does not run on this machine'}"
    for name, address in found.addresses.items():
        yield f"{name:<9} {address}, {_word(answers=found.parts[name])}"
    counts = [f"{count} {state}" for state, count in found.jobs.items() if count]
    yield f"jobs      {', '.join(counts) or 'none yet'}"
    if found.held_until:
        until = datetime.fromisoformat(found.held_until).astimezone()
        yield f"waiting   {found.held} for their hours, until {until:%Y-%m-%d %H:%M}"
    for tag, count in found.lacking.items():
        yield f"waiting   {count} for a worker with the tag {tag}: none is there"
    yield f"alerts    {found.alerts_owed} owed"
    for doing in found.doing:
        where = f" on {doing.worker}" if doing.worker else ""
        yield f"now       {doing.job} {doing.name}: {doing.step} {doing.progress:.0%}{where}"


def _whether_it_runs(found: Overview) -> str:
    if found.running:
        lacking = _lacking(found.workers)
        return f"Reelworks is running{lacking}."
    if not any(found.parts.values()):
        return "Reelworks is not running: `reelworks up`."
    if not found.broker:
        return "Parts of Reelworks run here, and wait for the broker."
    return "Parts of Reelworks run here, but no worker answers: start `reelworks worker`."


def _lacking(workers: Sequence[str]) -> str:
    """Name the work that nobody is there for; what needs it waits."""
    from pipeline.stack.roles import ROLES
    from pipeline.tasks.owner import role_of

    there = {role_of(node).removesuffix("-gpu") for node in workers}
    lacking = [role for role in ROLES if role != "encode-gpu" and role not in there]
    return f", but no worker for {', '.join(lacking)} answers" if lacking else ""


def _word(*, answers: bool) -> str:
    return "answers" if answers else "does not answer"
