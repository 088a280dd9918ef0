"""The `reelworks` command: one module a group of verbs, loaded only when its verb is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Verb → (module below pipeline.cli, name of the click command there).
VERBS: dict[str, tuple[str, str]] = {
    "up": ("stack", "up"),
    "demo": ("stack", "demo"),
    "ingest": ("ingest", "ingest"),
    "jobs": ("jobs", "jobs"),
    "show": ("jobs", "show"),
    "retry": ("jobs", "retry"),
    "cancel": ("jobs", "cancel"),
    "logs": ("jobs", "logs"),
    "schedules": ("schedules", "schedules"),
    "plan": ("plan", "plan"),
    "doctor": ("doctor", "doctor"),
    "config": ("config", "config"),
    "notify": ("notify", "notify"),
    "worker": ("parts", "worker"),
    "watch": ("parts", "watch"),
    "beat": ("parts", "beat"),
    "web": ("parts", "web"),
    "flower": ("parts", "flower"),
}

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
#: Codes of errors that mean "wrong usage or configuration" (exit 2).
USAGE_CODES = frozenset({"configuration", "usage", "no_such_job", "no_such_file", "not_watched"})
#: Codes of errors that mean "the system can't be reached" (exit 3).
UNREACHABLE_CODES = frozenset({"unreachable", "port_in_use", "already_running"})


class LazyGroup(click.Group):
    """A group whose verbs are imported when called, so that `reelworks` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the order of the documentation."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the verb and return its command, or None for an unknown verb."""
        if cmd_name not in VERBS:
            return None
        module, attribute = VERBS[cmd_name]
        command = getattr(importlib.import_module(f"pipeline.cli.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"pipeline.cli.{module}.{attribute} is not a command")
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_dir",
    type=click.Path(path_type=Path),
    help="Folder of the configuration (default: $REELWORKS_CONFIG, else ./config).",
)
@click.version_option(package_name="reelworks", prog_name="reelworks")
@click.pass_context
def cli(ctx: click.Context, config_dir: Path | None) -> None:
    """Drop a video into a folder; get posters, a ladder, HLS and DASH, history and alerts."""
    ctx.obj = Cli(config_dir)


def exit_code(error: ReelworksError) -> int:
    """Map an error to the exit code the contract promises: 2 usage, 3 unreachable, else 1."""
    if error.code in USAGE_CODES:
        return EXIT_USAGE
    if error.code in UNREACHABLE_CODES:
        return EXIT_UNREACHABLE
    return 1


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a job or check failed, 2 usage, 3 unreachable."""
    try:
        cli.main(args=list(argv) if argv is not None else None, prog_name="reelworks")
    except ReelworksError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        others = len(getattr(error, "others", ()))
        if others:
            click.echo(f"{others} more: `reelworks config check` lists them.", err=True)
        sys.exit(exit_code(error))
