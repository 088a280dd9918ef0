"""`reelworks plan FILE`: what would be made of a file, without making it."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.context import Cli


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--profile", default="web", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole plan, as one JSON object.")
@click.pass_obj
def plan(cli: Cli, file: Path, profile: str, as_json: bool) -> None:
    """Show what would be made of FILE."""
    from pipeline.media.probe import probe
    from pipeline.media.tools import find_tools
    from pipeline.plan.plan import make_plan

    wanted = cli.settings.profile(profile)
    source = probe(
        find_tools(cli.settings.pipeline.tools, cli.settings.pipeline.limits),
        file.absolute(),
        cli.settings.pipeline.limits,
    )
    made = make_plan(source, wanted)
    if as_json:
        click.echo(made.model_dump_json())
        return
    size = f"{source.display_width}x{source.display_height}" if source.video else "no picture"
    click.echo(f"{file.name}: {source.container}, {size}, {source.duration_s:.2f} s")
    for video in made.videos:
        click.echo(f"  {video.name:>16}  {video.width}x{video.height} {video.codec}")
    for sound in made.sounds:
        click.echo(f"  {sound.name:>16}  {sound.channels} channels {sound.codec}, {sound.label}")
    for text in made.texts:
        click.echo(f"  {text.name:>16}  WebVTT, {text.label}")
    for sentence in source.left_out:
        click.echo(f"  left out: {sentence}")
    for sentence in made.notes:
        click.echo(f"  {sentence}")
    for unit in made.units:
        click.echo(f"  unit {unit.name} on encode.{unit.capability}: {', '.join(unit.steps)}")
    click.echo(f"  packaged as {', '.join(wanted.package)}")
