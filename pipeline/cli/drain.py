"""`reelworks drain`: empty the workers of a machine before it is stopped, without losing work."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import click

from pipeline.cli.context import Cli
from pipeline.cli.health import WORKERS
from pipeline.cli.say import say
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Collection

#: How often workers are asked what they still have, seconds.
LOOK_S = 2.0
#: How long an answer is waited for, seconds.
ANSWER_S = 3.0
#: How often in a row a worker may not answer before it is given up: a busy machine answers late.
MOST_SILENT = 5


@click.command()
@click.argument("roles", nargs=-1, type=click.Choice(WORKERS), metavar="[ROLE]…")
@click.option(
    "--host", default=socket.gethostname, help="Another machine's name, as Flower has it."
)
@click.option("--timeout", type=click.FloatRange(min=0), help="Wait at most so many seconds.")
@click.option("--undo", is_flag=True, help="Let the workers take work again.")
@click.pass_obj
def drain(cli: Cli, roles: tuple[str, ...], host: str, timeout: float | None, undo: bool) -> None:
    """Let workers of a machine end what they have and take nothing more; then they may be stopped.

    ROLE is encode, encode-gpu, package, control or notify; all that run there when none is given.
    A worker that is started again takes work again.
    """
    from pipeline.app import answering_like
    from pipeline.stack.roles import pattern
    from pipeline.tasks import draining

    cli.runtime  # noqa: B018 - a wrong configuration is told before anybody is asked
    nodes = sorted(answering_like(pattern(roles or WORKERS, host), ANSWER_S))
    if not nodes:
        raise ReelworksError(
            "unreachable",
            f"No worker answers on {host}.",
            "`reelworks status` lists those that answer.",
        )
    if undo:
        for node in nodes:
            draining.take_again(node, _queues(cli, node))
        say(f"{', '.join(nodes)}: takes work again.")
        return
    draining.stop_taking(nodes)
    _await_end(nodes, timeout)
    say(f"{', '.join(nodes)}: drained. It may be stopped now; --undo lets it take work again.")


def _queues(cli: Cli, node: str) -> tuple[str, ...]:
    """Name the queues that a worker serves: by its role, and the cards and tags it announced."""
    from pipeline.history import workers
    from pipeline.plan.hardware import KINDS
    from pipeline.stack.roles import ROLES
    from pipeline.tasks.owner import role_of

    with cli.runtime.db.read() as session:
        announced = workers.present(session)
    mine = [one for one in announced if one.name.startswith(f"{node}/")]
    kinds = {kind for one in mine for kind in one.hardware}
    tags = sorted({tag for one in mine for tag in one.tags})
    role = ROLES[role_of(node)]
    return role.all_queues([kind for kind in KINDS if kind in kinds], tags)


def _await_end(nodes: Collection[str], timeout_s: float | None) -> None:
    from pipeline.tasks import draining

    began, told, silences = time.monotonic(), -1, 0
    while True:
        had = draining.working(nodes)
        left, silent = sum(had.values()), sorted(set(nodes) - had.keys())
        if not left and not silent:
            return
        # Of who does not answer nothing is known: that is no drained worker.
        silences = silences + 1 if silent else 0
        if silences >= MOST_SILENT:
            raise ReelworksError(
                "unreachable",
                f"{', '.join(silent)} no longer answers: whether it still works is not known.",
                "Run it again; `reelworks status` lists those that answer.",
            )
        if timeout_s is not None and time.monotonic() - began >= timeout_s:
            raise ReelworksError(
                "unreachable",
                f"Work is still done after {timeout_s:g} s: {left} tasks.",
                "They take nothing more; run it again to wait on, or stop them: the work is given "
                "back.",
            )
        if left and left != told:
            say(f"{left} tasks to end")
            told = left
        time.sleep(LOOK_S)
