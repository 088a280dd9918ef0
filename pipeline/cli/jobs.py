"""`reelworks jobs | show | retry | cancel | logs`: a job's history, and what can be done to it."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import cell, console, say, say_json, say_lines
from pipeline.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rich.console import Console

    from pipeline.history.cards import Card
    from pipeline.history.views import JobView

#: The states of a job. This module knows no tables: help and wrong usage need not wait for them.
STATES = ("queued", "running", "succeeded", "failed", "cancelled", "expired")
#: How a state is coloured in a terminal.
COLOURS = {
    "queued": "cyan",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "expired": "red",
    "waiting": "dim",
    "not done": "dim",
    "done": "green",
}
#: The same, in the words of click, which has no dim colour.
TERMINAL = {state: colour for state, colour in COLOURS.items() if colour != "dim"}
#: The column of names, and how far it is cut at most, signs.
FILE, LEAST_NAME = 3, 12


@click.command()
@click.option("--state", type=click.Choice(STATES))
@click.option("--name", help="Only those with this in the file's name.")
@click.option("--profile", help="Only those of this profile.")
@click.option("--before", metavar="ID", help="Only those made before this job: the next page.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def jobs(
    cli: Cli,
    state: str | None,
    name: str | None,
    profile: str | None,
    before: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    from pipeline.history import cards, listing
    from pipeline.history.which import ALL, Which
    from pipeline.models import JobState

    which = Which(name or None, profile, JobState(state) if state else None)
    with cli.runtime.db.read() as session:
        if before:
            which = listing.before(session, before, which)
        if as_json:
            for view in listing.newest(session, limit=limit, which=which):
                click.echo(view.model_dump_json())
            return
        found = cards.newest(session, limit=limit, which=which)
    if found:
        _print_jobs(found)
    elif which != ALL:
        click.echo("No job is like that.")
    else:
        click.echo("No jobs yet. Drop a video into a watched folder, or `reelworks ingest PATH`.")


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(cli: Cli, job_id: str, as_json: bool) -> None:
    """Show one job: its steps, what went wrong, where the results are."""
    from pipeline.history import attempts
    from pipeline.history import jobs as history

    with cli.runtime.db.read() as session:
        view = history.view(session, job_id)
        again = attempts.put_off(session, view.id)
    if as_json:
        click.echo(view.model_dump_json())
        return
    print_job(console(), view, again)


@click.command()
@click.argument("job_id")
@click.option("--force", is_flag=True, help="Make everything again, also of a job that succeeded.")
@click.option("--json", "as_json", is_flag=True, help="The job afterwards, as one JSON object.")
@click.pass_obj
def retry(cli: Cli, job_id: str, force: bool, as_json: bool) -> None:
    """Run an ended job again, as a new attempt of the same job.

    One that succeeded is run again when its results were removed, its profile was changed since,
    or with --force.
    """
    from pipeline import workflows

    cli.runtime.prepare()
    view = workflows.retry(job_id, force=force)
    _check_published(cli, view.id)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        say(f"Job {view.short_id} ({view.name}) is {view.state}: run {view.run}.")


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="The job afterwards, as one JSON object.")
@click.pass_obj
def cancel(cli: Cli, job_id: str, as_json: bool) -> None:
    """End a job now; what it was encoding stops within seconds, its source stays."""
    from pipeline import workflows

    cli.runtime.prepare()
    view = workflows.cancel(job_id)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        say(f"Job {view.short_id} ({view.name}) is {view.state}.")


@click.command()
@click.argument("job_id")
@click.option("--tools", is_flag=True, help="Also what the tools of good attempts said.")
@click.option("--json", "as_json", is_flag=True, help="One event, then one attempt, a line.")
@click.pass_obj
def logs(cli: Cli, job_id: str, tools: bool, as_json: bool) -> None:
    """Print what happened to a job, and what the tools of failed attempts said."""
    from pipeline.history import attempts, events
    from pipeline.history import jobs as history
    from pipeline.history.telling import story

    with cli.runtime.db.read() as session:
        job = history.find(session, job_id)
        log = events.since(session, job.id)
        told = attempts.told(session, job, () if tools else attempts.BAD)
    if as_json:
        for event in log:
            click.echo(event.model_dump_json())
        for one in told:
            for step in one.steps:
                say_json({"step": step, **one.attempt.model_dump(mode="json")})
        return
    for event in story(log):
        say(f"{_time(event.at)}  {event.message}")
    for steps, attempt in told:
        click.echo()
        say(f"--- {', '.join(steps)}, attempt {attempt.number}: {attempt.outcome}")
        say_lines((attempt.log or "").rstrip())


def _check_published(cli: Cli, job_id: str) -> None:
    from pipeline.history import jobs as history
    from pipeline.workflows import unreachable

    with cli.runtime.db.read() as session:
        if history.get(session, job_id).published_at is None:
            raise unreachable(job_id)


def print_job(console: Console, view: JobView, again: Mapping[str, datetime]) -> None:
    """Print one job as people read it; `again` is why and when steps are tried again."""
    from rich.table import Table

    state = _with_state(view.state, view.shown_state, _coloured)
    console.print(f"[bold]{cell(view.name)}[/]  {state}  {view.progress:.0%}  job {view.id}")
    took = _took(view.started_at, view.finished_at)
    when = f"found {_time(view.created_at)}" + (f", took {took}" if took else "")
    console.print(f"profile {cell(view.profile)}, {when}", highlight=False)
    _print_wishes(console, view)
    if view.waits_until:
        console.print(f"Its encodes wait until {_time(view.waits_until)}.", highlight=False)
    if view.waits_for:
        lacks = f"Its encodes wait for a worker with the tag {view.waits_for}: none is there."
        console.print(lacks, highlight=False)
    if view.error:
        console.print(f"[red]{cell(view.error.message)}[/]", highlight=False)
        console.print(cell(view.error.hint), highlight=False)
    for why, at in again.items():
        console.print(f"{cell(why)} Again at {_time(at)}.", soft_wrap=True, highlight=False)
    columns = ("step", "state", "progress", "took", "attempts", "worker")
    steps = Table(*columns, box=None, pad_edge=False)
    for step in view.steps:
        # Nothing waits any more once the job has ended.
        state = "not done" if view.ended and step.state == "waiting" else step.state
        steps.add_row(
            step.name,
            _coloured(state),
            f"{step.progress:.0%}",
            _took(step.started_at, step.finished_at),
            str(step.attempts),
            step.worker or "",
        )
    console.print(steps)
    fate = view.source.fate_words
    console.print(f"source  {cell(view.source.path)}{fate}", soft_wrap=True, highlight=False)
    for problem in view.damage or ():
        console.print(f"[red]damaged[/] {cell(problem)}", highlight=False)
    if view.outputs:
        removed = view.outputs.removed_at
        where = cell(view.outputs.directory) + (f" (removed {_time(removed)})" if removed else "")
        where += "" if view.state == "succeeded" else " (of an earlier run)"
        console.print(f"results {where}", soft_wrap=True, highlight=False)


def _print_wishes(console: Console, view: JobView) -> None:
    """Print what the sidecar of the source says of it."""
    said = {"title": view.title, "language": view.language, **view.metadata}
    for key, value in said.items():
        if value:
            console.print(f"{cell(key)}: {cell(value)}", soft_wrap=True, highlight=False)


def _print_jobs(found: list[Card]) -> None:
    """Print one line a job. Rich would take longer for its table than all of history for the jobs.

    In a terminal a long name is cut, so that a job has one line.
    """
    from rich.cells import cell_len, set_cell_size

    rows = [
        (
            card.short_id,
            _with_state(card.job_state, card.state) + _until(card),
            f"{card.progress:.0%}",
            printable(card.name),
            card.profile,
            _time(card.created_at),
        )
        for card in found
    ]
    table = [("id", "state", "progress", "file", "profile", "created"), *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    if sys.stdout.isatty():
        beside = sum(widths) - widths[FILE] + len(widths) - 1
        room = shutil.get_terminal_size().columns - beside
        widths[FILE] = min(widths[FILE], max(room, LEAST_NAME))
    for row in table:
        state = row[1].partition(" ")[0].rstrip(",")
        cells = [set_cell_size(text, width) for text, width in zip(row, widths, strict=True)]
        cells[1] = click.style(cells[1], fg=TERMINAL.get(state))
        click.echo(" ".join(cells).rstrip())


def _until(card: Card) -> str:
    if card.waits_for:
        return f" for {card.waits_for}"
    return f" until {_time(card.waits_until)}" if card.waits_until else ""


def _with_state(state: str, shown: str, drawn: Callable[[str], str] = lambda state: state) -> str:
    """Write a job's state as `--state` knows it, and after it that the job waits."""
    return drawn(state) if shown == state else f"{drawn(state)}, {drawn(shown)}"


def _coloured(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]"


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(start: datetime | None, end: datetime | None) -> str:
    """Write how long something took; nothing when it has not both begun and ended."""
    return "" if start is None or end is None else f"{(end - start).total_seconds():.1f} s"
