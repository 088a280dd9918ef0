"""`reelworks jobs | show | retry | cancel | logs`: a job's history, and what can be done to it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.history import events
from pipeline.history import jobs as history
from pipeline.history.views import attempt_views
from pipeline.models import JobState

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    from pipeline.history.views import JobView

#: How a state is coloured in a terminal.
COLOURS = {
    "queued": "cyan",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "expired": "red",
    "waiting": "dim",
    "done": "green",
}


@click.command()
@click.option("--state", type=click.Choice([state.value for state in JobState]))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def jobs(cli: Cli, state: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    with cli.runtime.db.read() as session:
        views = history.list_views(session, state=state, limit=limit)
    if as_json:
        for view in views:
            click.echo(view.model_dump_json())
        return
    if not views:
        click.echo("No jobs yet. Drop a video into a watched folder, or `reelworks ingest PATH`.")
        return
    _console().print(_table_of_jobs(views))


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(cli: Cli, job_id: str, as_json: bool) -> None:
    """Show one job: its steps, what went wrong, where the results are."""
    with cli.runtime.db.read() as session:
        view = history.view(session, job_id)
    if as_json:
        click.echo(view.model_dump_json())
        return
    print_job(_console(), view)


@click.command()
@click.argument("job_id")
@click.option("--force", is_flag=True, help="Make everything again, also of a job that succeeded.")
@click.pass_obj
def retry(cli: Cli, job_id: str, force: bool) -> None:
    """Run an ended job again, as a new attempt of the same job.

    One that succeeded is run again when its results were removed, its profile was changed since,
    or with --force.
    """
    from pipeline import workflows

    cli.runtime.prepare()
    view = workflows.retry(job_id, force=force)
    click.echo(f"Job {view.short_id} ({view.name}) is {view.state}: run {view.run}.")
    _warn_unpublished(cli, view.id)


@click.command()
@click.argument("job_id")
@click.pass_obj
def cancel(cli: Cli, job_id: str) -> None:
    """End a job now; what it was encoding stops within seconds, its source stays."""
    from pipeline import workflows

    cli.runtime.prepare()
    view = workflows.cancel(job_id)
    click.echo(f"Job {view.short_id} ({view.name}) is {view.state}.")


@click.command()
@click.argument("job_id")
@click.pass_obj
def logs(cli: Cli, job_id: str) -> None:
    """Print what happened to a job, and what its tools said."""
    with cli.runtime.db.read() as session:
        job = history.find(session, job_id)
        for event in events.since(session, job.id):
            click.echo(f"{_time(event.at)}  {event.message}")
        for step in job.steps:
            for attempt in attempt_views(step):
                if attempt.log:
                    click.echo(f"\n--- {step.name}, attempt {attempt.number}: {attempt.outcome}")
                    click.echo(attempt.log.rstrip())


def _warn_unpublished(cli: Cli, job_id: str) -> None:
    from pipeline.workflows import unreachable

    with cli.runtime.db.read() as session:
        if history.get(session, job_id).published_at is None:
            raise unreachable(job_id)


def print_job(console: Console, view: JobView) -> None:
    """Print one job as people read it."""
    from rich.table import Table

    state = f"[{COLOURS[view.state]}]{view.state}[/]"
    console.print(f"[bold]{view.name}[/]  {state}  {view.progress:.0%}  job {view.id}")
    if view.error:
        console.print(f"[red]{view.error.message}[/]", highlight=False)
        console.print(f"{view.error.hint}", highlight=False)
    steps = Table("step", "state", "progress", "attempts", "worker", box=None, pad_edge=False)
    for step in view.steps:
        colour = COLOURS[step.state]
        steps.add_row(
            step.name,
            f"[{colour}]{step.state}[/]",
            f"{step.progress:.0%}",
            str(step.attempts),
            step.worker or "",
        )
    console.print(steps)
    console.print(f"source  {view.source.path}", soft_wrap=True, highlight=False)
    if view.outputs:
        console.print(f"results {view.outputs.directory}", soft_wrap=True, highlight=False)


def _table_of_jobs(views: list[JobView]) -> Table:
    from rich.table import Table

    table = Table("id", "state", "progress", "file", "profile", "created", box=None, pad_edge=False)
    for view in views:
        table.add_row(
            view.short_id,
            f"[{COLOURS[view.state]}]{view.state}[/]",
            f"{view.progress:.0%}",
            view.name,
            view.profile,
            _time(view.created_at),
        )
    return table


def _console() -> Console:
    from rich.console import Console

    # In a pipe a table keeps its columns: nothing is folded to the width of no terminal.
    return Console(width=None if sys.stdout.isatty() else 200)


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
