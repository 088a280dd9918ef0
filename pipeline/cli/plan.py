"""`reelworks plan FILE`: what would be made of a file, without making it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.paths import must_be_file
from pipeline.cli.say import say_json
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from pipeline.media.tools import Tools
    from pipeline.plan.capacity import Capacity
    from pipeline.plan.plan import Plan


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--profile", default="web", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole plan, as one JSON object.")
@click.pass_obj
def plan(cli: Cli, file: Path, profile: str, as_json: bool) -> None:
    """Show what would be made of FILE."""
    from pipeline.media.errors import nothing_to_make
    from pipeline.media.probe import probe
    from pipeline.media.tools import find_tools
    from pipeline.plan.plan import make_plan
    from pipeline.plan.ranges import why_whole
    from pipeline.queues import encode_queue

    must_be_file(file)
    wanted, limits = cli.settings.profile(profile), cli.settings.pipeline.limits
    tools = find_tools(cli.settings.pipeline.tools, limits)
    source = probe(tools, file.absolute(), limits, salvage=wanted.damaged == "salvage")
    folder = cli.settings.folder_for(file.absolute())
    tag = (folder.needs if folder else None) or wanted.needs
    there = _workers(cli, tag)
    capacity = _this_machine(tools) if there is None else there
    made = make_plan(source, wanted, capacity, tag)
    if not made.units:
        raise nothing_to_make(made)
    if as_json:
        say_json(made.model_dump(mode="json"))
        return
    size = f"{source.display_width}x{source.display_height}" if source.video else "no picture"
    click.echo(f"{file.name}: {source.container_name}, {size}, {source.duration_s:.2f} s")
    _tell_renditions(made)
    for sentence in source.left_out:
        click.echo(f"  left out: {sentence}")
    for sentence in made.notes:
        click.echo(f"  {sentence}")
    if made.videos and not made.ranges:
        click.echo(f"  not cut into ranges: {why_whole(made, made.units, capacity)}")
    if there is None:
        click.echo("  no worker is there: planned as for one on this machine")
    for unit in made.units:
        queue = encode_queue(unit.capability, tag)
        click.echo(f"  unit {unit.name} on {queue}: {', '.join(unit.steps)}")
    click.echo(f"  packaged as {', '.join(wanted.package)}")


def _tell_renditions(made: Plan) -> None:
    for video in made.videos:
        click.echo(f"  {video.name:>16}  {video.width}x{video.height} {video.codec}")
    for sound in made.sounds:
        channels = f"{sound.channels} channel{'s' if sound.channels > 1 else ''}"
        click.echo(f"  {sound.name:>16}  {channels} {sound.codec}, {sound.label}")
    for text in made.texts:
        click.echo(f"  {text.name:>16}  WebVTT, {text.label}")


def _workers(cli: Cli, tag: str | None) -> Capacity | None:
    """Ask the database for the workers that have the tag; None where there are none at all.

    None, too, where the database can't be asked.
    """
    from pipeline.tasks.capacity import capacity

    try:
        with cli.runtime.db.read() as session:
            there = capacity(session, "", tag)
            known = bool(there.workers) or bool(capacity(session, "").workers)
    except ReelworksError:
        return None
    return there if known else None


def _this_machine(tools: Tools) -> Capacity:
    from pipeline.media.capabilities import hardware
    from pipeline.plan.capacity import Capacity, EncodeWorker

    found = dict(hardware(tools.ffmpeg))
    return Capacity(workers=(EncodeWorker(name="this machine", hardware=found),))
