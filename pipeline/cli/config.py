"""`reelworks config`: is the configuration right, what does it say, what may it say?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say_json
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.secrets import without_password

if TYPE_CHECKING:
    from pipeline.settings.load import Settings


@click.group()
def config() -> None:
    """Check, show and describe the configuration."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One mistake a line, as JSON.")
@click.pass_obj
def check(cli: Cli, as_json: bool) -> None:
    """Name every mistake; exit 2 if there is one."""
    from pipeline.alerts.check import wrong_channels
    from pipeline.settings.missing import missing_watermarks

    try:
        settings = cli.settings
    except ConfigurationError as error:
        for mistake in (error, *error.others):
            _tell(mistake, as_json=as_json)
        raise SystemExit(2) from None
    wrong = [*missing_watermarks(settings), *wrong_channels(settings)]
    for mistake in wrong:
        _tell(mistake, as_json=as_json)
    if wrong:
        raise SystemExit(2)
    if not as_json:
        click.echo(f"The configuration in {settings.config_dir} is right.")


@config.command()
def schema() -> None:
    """Print the JSON schemas of the four files."""
    from pipeline.settings.schema import json_schemas

    say_json(json_schemas(), indent=2)


@config.command()
@click.option("--json", "as_json", is_flag=True, help="JSON instead of YAML.")
@click.pass_obj
def show(cli: Cli, as_json: bool) -> None:
    """Print the whole configuration with its defaults and overrides; secrets are left out."""
    import yaml

    from pipeline.settings.load import OVERRIDES

    said = described(cli.settings)
    overridden = {name: ".".join(key) for name, key in OVERRIDES.items() if os.environ.get(name)}
    if as_json:
        folder = {"config_dir": str(cli.settings.config_dir), "root": str(cli.settings.root)}
        say_json({**folder, "overridden": overridden, **said})
        return
    click.echo(f"# From {cli.settings.config_dir}; relative paths from {cli.settings.root}")
    for variable, key in overridden.items():
        click.echo(f"# {variable} overrides {key}")
    click.echo(yaml.safe_dump(said, sort_keys=False, allow_unicode=True).rstrip())


def described(settings: Settings) -> dict[str, Any]:
    """Give the configuration as plain data, with addresses' passwords and secrets masked."""
    pipeline = settings.pipeline.model_dump(mode="json")
    for key in ("broker", "results", "database"):
        pipeline[key] = without_password(pipeline[key])
    return {
        "pipeline.yml": pipeline,
        "profiles.yml": _dumped(settings.profiles),
        "schedules.yml": _dumped(settings.schedules),
        "notifications.yml": settings.notifications.model_dump(mode="json"),
    }


def _dumped(models: dict[str, Any]) -> dict[str, Any]:
    return {name: model.model_dump(mode="json") for name, model in models.items()}


def _tell(mistake: ConfigurationError, *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "file": str(mistake.file) if mistake.file else None,
                "line": mistake.line,
                "key": mistake.key,
                "value": str(mistake.value) if mistake.value is not None else None,
                "variable": mistake.variable or None,
                "problem": mistake.problem,
                "hint": mistake.hint,
            }
        )
        return
    click.echo(f"error: {mistake.message}", err=True)
    if mistake.hint:
        click.echo(f"hint: {mistake.hint}", err=True)
