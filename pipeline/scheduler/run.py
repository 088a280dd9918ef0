"""Run beat in this process."""

from __future__ import annotations

import logging
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pipeline.app import app
from pipeline.history.disk import Disk
from pipeline.history.patience import await_room
from pipeline.scheduler.stopping import ASKING
from pipeline.scheduler.tables import configure, migrate
from pipeline.settings import addresses

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

logger = logging.getLogger(__name__)


def run_beat(settings: Settings) -> None:
    """Run beat until told to stop (SIGTERM, SIGINT), which ends the process with 0.

    Only one beat of a system sends: others stand by until it is gone. While the database's disk is
    full it waits. Raises `DatabaseUnreachable`, and `NotAlone` when it may no longer be the only
    one.
    """
    for number in ASKING:
        signal.signal(number, lambda *_: sys.exit(0))
    _until_room(settings)
    migrate(settings)
    configure(settings)
    from pipeline.scheduler.beat import Scheduler

    scheduler: Any = partial(Scheduler, settings=settings)
    beat: Any = app.Beat(scheduler=cast("str", scheduler), loglevel="INFO", quiet=True)
    # It stays known by its command line, as all parts are: see `pipeline.cli.main`.
    beat.set_process_title = lambda: None
    # Ours hears what stops it: see `pipeline.scheduler.stopping`.
    beat.install_sync_handler = lambda _service: None
    beat.run()


def _until_room(settings: Settings) -> None:
    disk = Disk.of(addresses.database_url(settings))
    full = None if disk is None else disk.lacks()
    if disk is not None and full is not None:
        logger.warning("nothing is sent yet: %s", full.message)
        await_room(disk.lacks)
