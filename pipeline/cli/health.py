"""`reelworks health PART`: whether a part of this machine answers, for whoever restarts parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.parts import ROLES
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a worker's answer is waited for, seconds.
ANSWER_S = 5.0
WORKERS = tuple(role for role in ROLES if role != "all")
PARTS = (*WORKERS, "watch", "beat", "web", "flower")


@click.command()
@click.argument("part", type=click.Choice(PARTS), metavar="PART")
@click.pass_obj
def health(cli: Cli, part: str) -> None:
    """Ask one part that runs on this machine whether it works; exit 3 when it does not answer.

    PART is the role of a worker (encode, encode-gpu, package, control, notify), watch, beat, web
    or flower. A worker and the pages answer for themselves; of watch and beat their process is
    looked for.
    """
    if not _question(cli, part)():
        raise ReelworksError(
            "unreachable",
            f"The part {part} does not answer on this machine.",
            f"`reelworks {'worker ' if part in WORKERS else ''}{part}` starts it.",
        )


def _question(cli: Cli, part: str) -> Callable[[], bool]:
    from pipeline.stack.presence import HEALTH, SILENT, page_answers, runs_here

    if part in HEALTH:
        listen = getattr(cli.settings.pipeline, part).listen
        return lambda: page_answers(listen, HEALTH[part])
    if part in SILENT:
        return lambda: runs_here(cli.settings, part)
    from pipeline.app import answering_like
    from pipeline.stack.roles import pattern

    return lambda: bool(answering_like(pattern([part]), ANSWER_S, most=1))
