"""`reelworks schedules`: what happens by the clock, and running it now."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli

if TYPE_CHECKING:
    from pipeline.scheduler import Row


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list, one entry a line, as JSON.")
@click.pass_context
def schedules(ctx: click.Context, as_json: bool) -> None:
    """List, synchronise and run what happens by the clock."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=as_json)


@schedules.command("list")
@click.option("--json", "as_json", is_flag=True, help="One entry a line, as JSON.")
@click.pass_obj
def list_(cli: Cli, as_json: bool = False) -> None:  # noqa: FBT002
    """List everything that runs by the clock."""
    from pipeline import scheduler

    scheduler.migrate(cli.settings)
    rows = scheduler.rows(cli.settings)
    if as_json:
        for row in rows:
            click.echo(json.dumps(_plain(row)))
    else:
        _print(rows)


@schedules.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def sync(cli: Cli, as_json: bool) -> None:
    """Put schedules.yml into the scheduler's tables."""
    from pipeline import scheduler

    done = scheduler.prepare(cli.settings)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return
    for word, names in (
        ("created", done.created),
        ("updated", done.updated),
        ("removed", done.removed),
    ):
        for name in names:
            click.echo(f"{word} {name}")
    click.echo(f"{done.unchanged} unchanged")


@schedules.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def run(cli: Cli, name: str, as_json: bool) -> None:
    """Run the entry NAME now."""
    from pipeline import scheduler

    task_id = scheduler.run_now(cli.settings, name)
    click.echo(json.dumps({"name": name, "task": task_id}) if as_json else f"{name} was sent.")


def _plain(row: Row) -> dict[str, object]:
    last = row.last_run_at
    at = None if last is None else last.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {**dataclasses.asdict(row), "last_run_at": at}


def _print(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("name", "from", "task", "when", "timezone", "on", "runs", "last run")
    table = Table(*columns, box=None)
    for row in rows:
        last = f"{row.last_run_at:%Y-%m-%d %H:%M} UTC" if row.last_run_at else "never"
        on = "yes" if row.enabled else "no"
        runs = str(row.total_run_count)
        table.add_row(row.name, row.origin, row.task, row.when, row.timezone, on, runs, last)
    Console(width=None if sys.stdout.isatty() else 200, markup=False).print(table)
    waiting = [row.name for row in rows if not row.synchronised]
    if waiting:
        click.echo(
            f"Not yet as schedules.yml says: {', '.join(waiting)}. "
            "`reelworks schedules sync`, or the next start, does it."
        )
