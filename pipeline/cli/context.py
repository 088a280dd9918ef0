"""What every verb of the command line is given: where the configuration is, and what it says."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.runtime import Runtime
    from pipeline.settings.load import Settings


class Cli:
    """The state of one command: `config_dir` as given by `--config`, or None for the default.

    `settings` and `runtime` are read on first use, so that `--help` works without either.
    """

    def __init__(self, config_dir: Path | None) -> None:
        self.config_dir = config_dir
        if config_dir is not None:
            # Parts of the system find the same configuration, also in processes they start.
            os.environ["REELWORKS_CONFIG"] = os.path.normpath(config_dir.absolute())

    @cached_property
    def settings(self) -> Settings:
        """The configuration, loaded and checked. Raises `ConfigurationError`."""
        from pipeline.settings.load import load_settings

        return load_settings(self.config_dir)

    @cached_property
    def runtime(self) -> Runtime:
        """The settings with an open, migrated database. Raises `ReelworksError`."""
        from pipeline.runtime import runtime

        ready = runtime()
        ready.prepare()
        return ready
