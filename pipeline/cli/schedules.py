"""`reelworks schedules`: what happens by the clock, and running it now."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager, nullcontext
from datetime import UTC
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import cell, console, say, say_json
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from rich.table import Table

    from pipeline.history.schedule_runs import Result
    from pipeline.scheduler import Row, Stage

#: No list is wider than this, and where one has entries of several lines, no name; signs.
WIDEST, WIDEST_NAME = 10_000, 24
#: How long a run may take without a word about what is waited for, seconds.
SILENT_S = 2.0


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
            say_json(_plain(row))
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
        say_json(dataclasses.asdict(done))
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
@click.option("--wait", is_flag=True, help="Wait for its end; exit 1 if it fails.")
@click.option(
    "--begin-within",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="With --wait: give up when no worker has begun it after so many seconds.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what a retention would remove.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def run(cli: Cli, name: str, wait: bool, begin_within: float, dry_run: bool, as_json: bool) -> None:
    """Run the entry NAME now."""
    from pipeline import scheduler

    if dry_run:
        _tell_removals(cli, name, as_json=as_json)
        return
    if not wait:
        task_id = scheduler.run_now(cli.settings, name)
        if as_json:
            say_json({"name": name, "task": task_id})
        else:
            say(f"{name} was sent.")
        return
    cli.runtime.prepare()
    sent = scheduler.send(cli.settings, name)
    with _waiting(name) as tell:
        result = scheduler.await_end(cli.settings, name, sent, begin_within, tell)
    if as_json:
        say_json({"name": name, "task": sent.task_id, "result": _plain_result(result)})
    else:
        say(f"{name} {result.outcome}: {result.summary}" if result.summary else f"{name} is done.")
    if result.outcome != "done":
        raise SystemExit(1)


@contextmanager
def _waiting(name: str) -> Iterator[Callable[[Stage, float], None]]:
    """Give what tells on stderr for what a run waits: in a terminal a line that counts seconds."""
    from rich.console import Console

    console, last = Console(stderr=True), None
    with console.status("") if console.is_terminal else nullcontext() as line:

        def tell(stage: Stage, waited_s: float) -> None:
            nonlocal last
            if waited_s < SILENT_S:
                return
            if line is not None:
                line.update(cell(f"{name}: waiting for {stage.value} ({waited_s:.0f} s)"))
            elif stage is not last:
                say(f"{name}: waiting for {stage.value}", err=True)
            last = stage

        yield tell


def _tell_removals(cli: Cli, name: str, *, as_json: bool) -> None:
    """Tell, one a line, what an entry of the task retention would remove now, and sum it up."""
    from pipeline.history.views import SHORT_ID
    from pipeline.scheduler import find_entry
    from pipeline.tasks.retention import CLEAN, retain, told

    entry = find_entry(cli.settings, name)
    if entry.task not in ("retention", "clean"):
        raise ReelworksError(
            "usage",
            f"{name} is of the task {entry.task}, which removes nothing.",
            "Leave --dry-run out.",
        )
    cli.runtime.prepare()
    rules = CLEAN if entry.task == "clean" else entry
    found = []
    for removal in retain(cli.runtime, rules, dry_run=True):
        found.append(removal)
        if as_json:
            say_json(dataclasses.asdict(removal))
        else:
            verb = "stays" if removal.stays else "would go"
            what = removal.path or f"the history of job {removal.job[:SHORT_ID]}"
            say(f"{verb}  {what}: {removal.reason}")
    summary = told(found, dry_run=True)
    if as_json:
        say_json({"summary": summary.summary, **summary.facts})
    else:
        say(f"{summary.summary}.")


def _plain(row: Row) -> dict[str, object]:
    moments = {key: _iso(getattr(row, key)) for key in ("next_run_at", "last_run_at")}
    told = row.last_result
    result = None if told is None else _plain_result(told)
    return {**dataclasses.asdict(row), **moments, "last_result": result}


def _plain_result(result: Result) -> dict[str, object]:
    moments = {key: _iso(getattr(result, key)) for key in ("started_at", "finished_at")}
    return {**dataclasses.asdict(result), **moments}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _print(rows: list[Row]) -> None:
    """Print a table; a terminal that is too narrow for it gets a few lines for each entry."""
    where, table = console(), _table(rows)
    natural = table.__rich_measure__(where, where.options.update(width=WIDEST)).maximum
    if not where.is_terminal:
        where.width = natural
    where.print(table if natural <= where.width else _entries(rows))
    waiting = [row.name for row in rows if not row.synchronised]
    if waiting:
        say(
            f"Not yet as schedules.yml says: {', '.join(waiting)}. "
            "`reelworks schedules sync`, or the next start, does it."
        )


def _table(rows: list[Row]) -> Table:
    from rich.table import Table

    columns = ("name", "from", "task", "when", "timezone", "next run", "last run", "last result")
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            cell(row.name),
            row.origin,
            cell(_task(row)),
            cell(row.when),
            row.timezone,
            _next(row),
            _local(row.last_run_at, "never"),
            cell(_told(row.last_result)),
        )
    return table


def _entries(rows: list[Row]) -> Table:
    from rich.table import Table

    entries = Table.grid(padding=(0, 2))
    entries.add_column(max_width=WIDEST_NAME, overflow="fold")
    entries.add_column(overflow="fold")
    for row in rows:
        zone = "" if row.timezone == "UTC" else f" ({row.timezone})"
        origin = "" if row.origin == "schedules.yml" else f", {row.origin}"
        lines = [
            f"{_task(row)} {row.when}{zone}{origin}",
            f"next run {_next(row)}" if row.enabled else _next(row),
            f"last run {_local(row.last_run_at, 'never')}",
        ]
        if row.last_result is not None:
            lines[-1] += f", {_told(row.last_result)}"
        entries.add_row(cell(row.name), "\n".join(map(cell, lines)))
    return entries


def _task(row: Row) -> str:
    return row.task.removeprefix("pipeline.")


def _next(row: Row) -> str:
    return _local(row.next_run_at, "never" if row.enabled else "switched off")


def _local(at: datetime | None, otherwise: str) -> str:
    """Write a moment in the reader's own time zone ($TZ, or the machine's)."""
    return otherwise if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def _told(result: Result | None) -> str:
    if result is None:
        return "none yet"
    return f"{result.outcome}: {result.summary}" if result.summary else result.outcome
