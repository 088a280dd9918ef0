"""django-celery-beat's scheduler, one at a time. Import it after Django is set up (`tables`)."""

from __future__ import annotations

import dataclasses
import logging
import signal
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from pipeline.app import runtime
from pipeline.scheduler.alone import right_to_send, stand_by
from pipeline.scheduler.synchronise import sync
from pipeline.scheduler.tables import migrate
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.load import Settings

logger = logging.getLogger(__name__)

#: A run by cron that is due is sent this late at least, seconds: beat itself may be busy.
LEAST_LATENESS_S = 60


class Entry(ModelEntry):  # type: ignore[misc]
    """A row that is not sent when it is too late for it.

    Without this, a nightly run that beat slept through, or whose entry was disabled for a week,
    would be sent the moment beat is back.
    """

    def is_due(self) -> Any:
        """Tell whether it is due, and in how many seconds to look again."""
        if self.model.crontab is not None and self.model.expire_seconds is not None:
            late = timedelta(seconds=max(LEAST_LATENESS_S, self.model.expire_seconds))
            self.last_run_at = max(self.model.last_run_at, self._default_now() - late)
        return super().is_due()


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """All enabled rows, sent by one beat at a time, with schedules.yml put into them at start.

    `celery beat -S pipeline.scheduler:Scheduler` runs it on the configuration that
    $REELWORKS_CONFIG names; `run_beat` gives `settings`.
    """

    Entry = Entry
    #: How often it is written to the rows what ran and when, seconds, for `reelworks schedules` to
    #: show. Celery's own three minutes are for those who don't look.
    sync_every = 15

    def __init__(self, *args: Any, settings: Settings | None = None, **kwargs: Any) -> None:
        self._settings = settings or runtime().settings
        self._right = right_to_send(self._settings)
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Wait for the right to send, then bring the rows up to date."""
        with _stoppable():
            migrate(self._settings)
            waited = stand_by(self._right)
            done = sync(_as_it_is_now(self._settings) if waited else self._settings)
        logger.info(
            "schedules: %d created, %d updated, %d removed, %d unchanged",
            len(done.created),
            len(done.updated),
            len(done.removed),
            done.unchanged,
        )
        super().setup_schedule()

    def install_default_entries(self, data: Any) -> None:
        """Leave Celery's nightly cleaning of results out where results expire by themselves."""
        if not self.app.backend.supports_autoexpire:
            super().install_default_entries(data)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due. Raises `NotAlone` instead when another beat may be sending."""
        self._right.check()
        return super().tick(*args, **kwargs)

    def enabled_models_qs(self) -> Any:
        """Give all enabled rows.

        2.9 leaves out crontabs by a guess at their hour that is wrong in summer time and fires
        late around it (its issues #894, #956); ours are few, so none is left out.
        """
        return self.Model.objects.enabled()

    def close(self) -> None:
        """Write what was sent, and let another beat go on."""
        try:
            super().close()
        finally:
            self._right.give_back()


def _as_it_is_now(settings: Settings) -> Settings:
    """Read schedules.yml again: while this beat stood by, the other's was changed, perhaps."""
    try:
        return dataclasses.replace(settings, schedules=load_settings(settings.config_dir).schedules)
    except ConfigurationError as error:
        logger.warning("the schedules stay as they were when this beat started: %s", error)
        return settings


@contextmanager
def _stoppable() -> Iterator[None]:
    """Leave at once when told to stop.

    Celery's own handler would ask for the scheduler that is just being made, and make another.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    former = [signal.signal(number, lambda *_: sys.exit(0)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)
