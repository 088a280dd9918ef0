"""`reelworks worker | watch | beat | web | flower`: one part each, also in real deployments."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.context import Cli

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType

    from pipeline.plan.hardware import Hardware
    from pipeline.settings.profiles import VideoCodec
    from pipeline.stack.roles import Role

logger = logging.getLogger(__name__)

ROLES = ("encode", "encode-gpu", "package", "control", "notify", "all")
LOG_FORMAT = "[%(asctime)s %(levelname)s %(name)s] %(message)s"


@click.command()
@click.argument("roles", nargs=-1, required=True, type=click.Choice(ROLES), metavar="ROLE…")
@click.option("--concurrency", type=click.IntRange(min=1), help="Work done at once, for each role.")
@click.option("--tags", help="What its encodes have, like big-disk,licensed; see pipeline.yml.")
@click.option("--node", hidden=True, help="The name that the process which starts it holds for it.")
@click.pass_obj
def worker(
    cli: Cli, roles: tuple[str, ...], concurrency: int | None, tags: str | None, node: str | None
) -> None:
    """Run the worker of a role; of several roles, one process each.

    ROLE is encode, encode-gpu, package, control, notify, or all (every one but encode-gpu).
    """
    from pipeline.stack.roles import EVERYDAY

    wanted = list(dict.fromkeys(EVERYDAY if "all" in roles else roles))
    if tags is not None:
        if not any(role.startswith("encode") for role in wanted):
            raise click.UsageError("--tags is for workers that encode.")
        # As any other setting: also parts that we start read it.
        os.environ["REELWORKS_WORKER_TAGS"] = tags
    if len(wanted) == 1:
        _run_worker(cli, wanted[0], concurrency, node)
    else:
        _run_workers(cli, wanted, concurrency)


def _run_worker(cli: Cli, role: str, concurrency: int | None, node: str | None) -> None:
    from pipeline.stack import roles
    from pipeline.stack.naming import own_node

    # Read by billiard when it is imported, so it must be there before Celery is.
    os.environ.update(roles.STOP_IN_TIME)
    wanted = roles.ROLES[role]
    hardware = _found_hardware(cli) if wanted.encodes else {}
    tags = cli.settings.pipeline.workers.tags
    name = node or own_node(cli.settings.pipeline.paths.state, role)
    options = roles.celery_options(wanted, name, cli.settings, concurrency, hardware.keys(), tags)
    _prepare(cli)
    from pipeline.app import app, keeps_order
    from pipeline.overlapping import overlap

    # Not through Celery's command line: that imports every plugin, Flower among them, first.
    with _announced(wanted, options, hardware, tags) if wanted.encodes else nullcontext():
        if wanted.encodes and keeps_order():
            options["concurrency"] = overlap(options["concurrency"]).processes
        started = app.Worker(**options)
        started.start()
    sys.exit(started.exitcode)


def _announced(
    role: Role,
    options: dict[str, Any],
    hardware: Mapping[Hardware, tuple[VideoCodec, ...]],
    tags: Sequence[str],
) -> AbstractContextManager[None]:
    from pipeline.tasks.announce import Announcement

    return Announcement(
        node=options["hostname"],
        slots=options["concurrency"],
        processor=bool(role.queues),
        hardware=hardware,
        tags=tags,
    ).made()


def _found_hardware(cli: Cli) -> Mapping[Hardware, tuple[VideoCodec, ...]]:
    """Try this machine's hardware; without an ffmpeg that runs, each job will say what is wrong."""
    from pipeline.media.capabilities import hardware
    from pipeline.media.errors import MediaError
    from pipeline.media.tools import find_tools

    try:
        return hardware(find_tools(cli.settings.pipeline.tools).ffmpeg)
    except (MediaError, OSError) as problem:
        logger.warning("no hardware was looked for: %s", problem)
        return {}


def _run_workers(cli: Cli, wanted: list[str], concurrency: int | None) -> None:
    from rich.console import Console

    from pipeline.cli.notices import show
    from pipeline.last_resort import killed_after_s
    from pipeline.stack import composition
    from pipeline.stack.group import run_together

    _prepare(cli)
    options = () if concurrency is None else ("--concurrency", str(concurrency))
    parts = [composition.worker(cli.settings, role, *options) for role in wanted]
    console = Console(stderr=True)
    grace_s = killed_after_s(cli.settings.pipeline.workers.stop_grace.total_seconds())
    run_together(parts, grace_s=grace_s, tell=lambda notice: show(console, notice))


@click.command()
@click.pass_obj
def watch(cli: Cli) -> None:
    """Watch the configured folders, and submit each file once it is whole."""
    _prepare(cli)
    _log()
    from pipeline.watch import Watcher

    watcher = Watcher(cli.runtime)

    def stop(_number: int, _frame: FrameType | None) -> None:
        watcher.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    watcher.run()


@click.command()
@click.pass_obj
def beat(cli: Cli) -> None:
    """Send what is due: the schedules of schedules.yml, and looking after jobs."""
    _log()
    from pipeline.scheduler import run_beat

    run_beat(cli.settings)


@click.command()
@click.pass_obj
def web(cli: Cli) -> None:
    """Serve the pages and the API."""
    _prepare(cli)
    _log()
    from pipeline.web import serve

    wanted = cli.settings.pipeline.web
    serve(cli.runtime, wanted.listen.host, wanted.listen.port, wanted.hosts)


@click.command()
@click.pass_obj
def flower(cli: Cli) -> None:
    """Show workers and tasks in Flower, behind a password."""
    from pipeline.stack import flower as flower_part

    os.environ.update(flower_part.environment(cli.settings))
    from pipeline.app import app

    app.start(flower_part.arguments(cli.settings))


def _prepare(cli: Cli) -> None:
    """Make the folders and tables, and close the database again: what follows may fork."""
    from pipeline.app import read_settings

    cli.runtime.db.dispose()
    read_settings()


def _log() -> None:
    level = os.environ.get("REELWORKS_LOG_LEVEL", "INFO")
    logging.basicConfig(level=level, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it lists its plugins at each start
