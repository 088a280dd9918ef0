"""`reelworks ingest PATH…`: submit files by hand, and wait for them when asked to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.paths import is_folder, must_be_file
from pipeline.cli.say import say
from pipeline.errors import ReelworksError
from pipeline.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.history.views import JobView

#: How often a waiting `ingest` looks, seconds.
LOOK_S = 0.5


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--profile", help="A profile of profiles.yml (default: the watched folder's).")
@click.option("--priority", type=click.IntRange(0, 9), help="0 to 9, 9 most urgent.")
@click.option("--wait", is_flag=True, help="Wait until the jobs have ended; exit 1 if one failed.")
@click.option("--json", "as_json", is_flag=True, help="One job a line, as JSON.")
@click.pass_obj
def ingest(
    cli: Cli,
    paths: tuple[Path, ...],
    profile: str | None,
    priority: int | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit files, or all media files of folders."""
    from pipeline.tasks.ingest import submit_file

    cli.runtime.prepare()
    ids = [
        submit_file(path, profile=profile, priority=priority, by_hand=True).job_id
        for path in _files(cli, paths)
    ]
    _check_published(cli, ids)
    views = list(_ended(cli, ids)) if wait else [_view(cli, job_id) for job_id in ids]
    for view in views:
        if as_json:
            click.echo(view.model_dump_json())
        else:
            reason = f": {view.error.message} {view.error.hint}" if view.error else ""
            until = f" until {view.waits_until.astimezone():%H:%M}" if view.waits_until else ""
            until = f" for {view.waits_for}" if view.waits_for else until
            say(f"{view.short_id}  {view.shown_state}{until}  {printable(view.name)}{reason}")
    if wait and any(view.state != "succeeded" for view in views):
        raise SystemExit(1)


def _files(cli: Cli, paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if is_folder(path):
            yield from _media_below(cli, path)
        else:
            must_be_file(path)
            yield path


def _media_below(cli: Cli, folder: Path) -> Iterator[Path]:
    """List the media files of a folder, as they would be found if it were watched."""
    from pipeline.ingest.survey import survey
    from pipeline.settings.pipeline import WatchFolder

    place = folder.absolute()
    entry = cli.settings.folder_for(place / "-") or WatchFolder(path=place)
    below = place if place.is_relative_to(entry.path) else None
    found = [Path(one.path) for one in survey(entry, below)]
    if not found:
        raise ReelworksError(
            "no_such_file", f"There is no media file in {folder}.", "Name the files themselves."
        )
    yield from found


def _check_published(cli: Cli, ids: list[str]) -> None:
    from pipeline.history import jobs
    from pipeline.workflows import unreachable

    with cli.runtime.db.read() as session:
        for job_id in ids:
            job = jobs.get(session, job_id)
            if not job.state.terminal and job.published_at is None:
                raise unreachable(job_id)


def _ended(cli: Cli, ids: list[str]) -> Iterator[JobView]:
    for job_id in ids:
        while not (view := _view(cli, job_id)).ended:
            time.sleep(LOOK_S)
        yield view


def _view(cli: Cli, job_id: str) -> JobView:
    from pipeline.history import jobs

    with cli.runtime.db.read() as session:
        return jobs.view(session, job_id)
