"""`reelworks doctor`: is everything there that Reelworks needs?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.say import say_json

if TYPE_CHECKING:
    from pipeline.stack.checkup import Finding

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One finding a line, as JSON.")
@click.pass_obj
def doctor(cli: Cli, as_json: bool) -> None:
    """Examine this machine and its services; exit 1 if something is wrong."""
    from pipeline.stack.checkup import examine

    failed = 0
    for finding in examine(cli.settings):
        failed += finding.state == "failed"
        if as_json:
            say_json(asdict(finding))
        else:
            _show(finding)
    if failed:
        raise SystemExit(1)


def _show(finding: Finding) -> None:
    sign, colour = _SIGNS[finding.state]
    click.echo(f"{click.style(sign, fg=colour)} {finding.check:<16} {finding.detail}")
    if finding.hint:
        click.echo(f"  {'':<16} {finding.hint}")
