"""`reelworks up`: everything in the foreground. `reelworks demo`: one file through all of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.paths import must_be_file

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.settings.load import Settings
    from pipeline.stack.stopping import Stopping
    from pipeline.stack.system import System

#: After this long it is said which parts are not ready yet, seconds.
LATE_S = 30.0
#: Where `/proc/PID/stat` tells the start, counted after the name (proc_pid_stat(5), field 22).
_START_TIME = 19
#: A pipe has no width: nothing is folded there.
PIPE_WIDTH = 400


@click.command()
@click.pass_obj
def up(cli: Cli) -> None:
    """Run everything in the foreground: broker, workers, beat, watcher, Flower and web."""
    from pipeline.cli.notices import show
    from pipeline.stack import ports
    from pipeline.stack.stopping import Stopping
    from pipeline.stack.system import running

    settings = ports.chosen(cli.settings)
    os.environ["REELWORKS_CONFIG"] = str(settings.config_dir)
    console = _console()
    with (
        Stopping() as stopping,
        running(settings, stopping, lambda notice: show(console, notice)) as system,
    ):
        _until_ready(console, system, stopping)
        if not stopping.asked:
            _welcome(console, settings, _age_s())
        while not stopping.asked:
            system.tick()
        console.print("Stopping; Ctrl-C again to hurry.")
    console.print("Stopped: no process is left behind.")


def _age_s() -> float:
    """How long ago this process began, seconds: starting Python and reading our code count too."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    began_s = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began_s


def _until_ready(console: Console, system: System, stopping: Stopping) -> None:
    late, told = False, frozenset[str]()
    while not stopping.asked:
        missing = system.missing()
        if not missing:
            return
        if missing != told:
            told = missing
            console.print(f"waiting for {', '.join(sorted(missing))}", style="dim")
        if not late and _age_s() > LATE_S:
            late = True
            names = ", ".join(sorted(missing))
            console.print(f"Still waiting for {names}; see {system.logs}.", style="yellow")
        system.tick()


def _welcome(console: Console, settings: Settings, took_s: float) -> None:
    from rich.panel import Panel
    from rich.table import Table

    rows = Table.grid(padding=(0, 2))
    for name, value in _places(settings):
        rows.add_row(f"[bold]{name}[/]", value)
    title = f"Reelworks is ready ({took_s:.1f} s)"
    if console.is_terminal:
        end = "Ctrl-C stops everything"
        console.print(Panel(rows, title=title, subtitle=end, border_style="green", expand=False))
    else:
        console.print(title, rows, sep="\n")


def _places(settings: Settings) -> list[tuple[str, str]]:
    from rich.markup import escape

    from pipeline.stack import flower
    from pipeline.stack.presence import address
    from pipeline.stack.system import logs

    pipeline = settings.pipeline
    made = pipeline.flower.password is None
    secret = f"its password is in {flower.password_file(settings)}" if made else "your password"
    folders = [str(folder.path) for folder in pipeline.watch] or ["no folder is watched"]
    return [
        ("Drop files into", escape("\n".join(folders))),
        ("Results", escape(str(pipeline.paths.library))),
        ("Web", address(pipeline.web.listen)),
        ("Flower", address(pipeline.flower.listen)),
        ("", escape(f"user {pipeline.flower.user}, {secret}")),
        ("Logs", escape(str(logs(settings)))),
    ]


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def demo(cli: Cli, file: Path | None) -> None:
    """Put one file (a generated clip when none is named) through a private system."""
    from pipeline.cli.demo import run_demo

    if file is not None:
        must_be_file(file)
    if not run_demo(cli.settings, file, _console()):
        sys.exit(1)


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
