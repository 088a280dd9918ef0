"""The runtime: what every process works with, also one that knows no queue: settings, database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from pipeline.history.database import Database
from pipeline.settings import addresses
from pipeline.settings.load import load_settings
from pipeline.settings.rereading import Schedules

if TYPE_CHECKING:
    from pipeline.settings.load import Settings


@dataclass(frozen=True)
class Runtime:
    """What a process works with. One a process: `runtime()` gives it, a fork makes a new one."""

    settings: Settings

    @cached_property
    def db(self) -> Database:
        """The database, connected on first use."""
        return Database(addresses.database_url(self.settings))

    @cached_property
    def schedules(self) -> Schedules:
        """What schedules.yml says while the process runs; `settings` say what it said at first."""
        return Schedules(self.settings, time.monotonic, time.sleep)

    def prepare(self) -> None:
        """Make the folders and bring the tables up to date."""
        from pipeline.history import schema

        paths = self.settings.pipeline.paths
        paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (paths.library, paths.work):
            folder.mkdir(parents=True, exist_ok=True)
        schema.upgrade(self.db)


@lru_cache(maxsize=1)
def runtime() -> Runtime:
    """Give this process's runtime. Raises `ConfigurationError` when the configuration is wrong."""
    return Runtime(load_settings())
