"""The `reelworks` command: one module a group of verbs, loaded only when its verb is called."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say_error, wants_json
from pipeline.errors import ReelworksError
from pipeline.printable import keep_logs_printable

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Verb → (module below pipeline.cli, name of the click command there).
VERBS: dict[str, tuple[str, str]] = {
    "up": ("stack", "up"),
    "demo": ("stack", "demo"),
    "status": ("status", "status"),
    "health": ("health", "health"),
    "ingest": ("ingest", "ingest"),
    "jobs": ("jobs", "jobs"),
    "show": ("jobs", "show"),
    "retry": ("jobs", "retry"),
    "cancel": ("jobs", "cancel"),
    "logs": ("jobs", "logs"),
    "verify": ("verify", "verify"),
    "schedules": ("schedules", "schedules"),
    "plan": ("plan", "plan"),
    "doctor": ("doctor", "doctor"),
    "config": ("config", "config"),
    "notify": ("notify", "notify"),
    "worker": ("parts", "worker"),
    "drain": ("drain", "drain"),
    "watch": ("parts", "watch"),
    "beat": ("parts", "beat"),
    "web": ("parts", "web"),
    "flower": ("parts", "flower"),
}

CONFIG_HELP = "Folder of the configuration (default: $REELWORKS_CONFIG, else ./config)."
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
#: Codes of errors that mean "wrong usage or configuration" (exit 2).
USAGE_CODES = frozenset(
    {"configuration", "usage", "no_such_job", "no_such_file", "not_a_file", "not_watched"}
)
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
        return finished(command)


def finished(command: click.Command) -> click.Command:
    """Give a verb, and the verbs below it, what all have: `--config`, and a sentence in lists."""
    if not any(parameter.name == "config_dir" for parameter in command.params):
        command.params.append(
            click.Option(
                ["--config", "config_dir"],
                type=click.Path(path_type=Path),
                callback=_choose_config,
                expose_value=False,
                is_eager=True,
                help=CONFIG_HELP,
            )
        )
    # Click would cut it off in the middle.
    said = (command.help or "").partition("\n\n")[0]
    command.short_help = command.short_help or " ".join(said.split()).rstrip(".")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        finished(inner)
    return command


def _choose_config(ctx: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = Cli(value)


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_dir", type=click.Path(path_type=Path), help=CONFIG_HELP)
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
    words = sys.argv[1:] if argv is None else list(argv)
    as_json = wants_json(words)
    keep_logs_printable()
    # Where `setproctitle` is installed, Celery would write over the command line and environment
    # by which people, tests and `status` tell the parts of one system from those of another.
    os.environ.setdefault("NOSETPS", "1")
    try:
        # Click tells of wrong usage by itself, unless programs are to read it.
        status = cli.main(args=words, prog_name="reelworks", standalone_mode=not as_json)
    except ReelworksError as error:
        say_error(error, as_json=as_json)
        sys.exit(exit_code(error))
    except click.ClickException as error:
        hint = "`reelworks VERB --help` shows what can be given."
        say_error(ReelworksError("usage", error.format_message(), hint), as_json=as_json)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
