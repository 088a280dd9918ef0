"""Run beat in this process."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pipeline.app import app
from pipeline.scheduler.tables import configure, migrate

if TYPE_CHECKING:
    from pipeline.settings.load import Settings


def run_beat(settings: Settings) -> None:
    """Run beat until told to stop (SIGTERM, SIGINT), which ends the process with 0.

    Only one beat of a system sends: others stand by until it is gone. Raises
    `DatabaseUnreachable`, and `NotAlone` when it may no longer be the only one.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    migrate(settings)
    configure(settings)
    from pipeline.scheduler.beat import Scheduler

    scheduler: Any = partial(Scheduler, settings=settings)
    beat: Any = app.Beat(scheduler=cast("str", scheduler), loglevel="INFO", quiet=True)
    # It stays known by its command line, as all parts are: see `pipeline.cli.main`.
    beat.set_process_title = lambda: None
    beat.run()
