"""django-celery-beat's scheduler, one at a time. Import it after Django is set up (`tables`)."""

from __future__ import annotations

import dataclasses
import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from celery.beat import SchedulingError
from celery.schedules import schedstate
from celery.signals import beat_init
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from django_celery_beat.utils import NEVER_CHECK_TIMEOUT

from pipeline.app import runtime
from pipeline.history.disk import LEAST, Disk
from pipeline.history.schedule_runs import FAR_AHEAD
from pipeline.scheduler.alone import right_to_send, stand_by
from pipeline.scheduler.entries import BUILT_IN, FROM_YAML
from pipeline.scheduler.stopping import Stopping, stoppable
from pipeline.scheduler.synchronise import line_of, sync
from pipeline.scheduler.tables import migrate
from pipeline.scheduler.times import LEAST_LATENESS_S, next_run
from pipeline.settings import addresses
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import load_settings
from pipeline.tasks.timed import DUE_AT
from pipeline.waiting import TELL_S, until_it_answers

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

logger = logging.getLogger(__name__)

#: How soon a run that the broker did not take is sent again, seconds.
AGAIN_S = 10.0
#: The clock was set when it went so much further than time did, seconds.
SET_S = 2.0


class Entry(ModelEntry):  # type: ignore[misc]
    """A row that is sent once for each of its moments, and not when it is too late for it.

    Rows of ours are due when `times.next_run` says so. Without it, a nightly run that beat slept
    through would be sent the moment beat is back, one at a time that clocks leave out or repeat
    would be an hour off (issues #134 and #194 of django-celery-beat), and a single one would be
    sent again after a restart (#828). Rows of others are due as django-celery-beat has it, but
    those by cron with an expiry not when they are later than that.
    """

    def __init__(self, model: Any, app: Any = None) -> None:
        super().__init__(model, app=app)
        self.line = line_of(model) if model.name.startswith((FROM_YAML, BUILT_IN)) else None

    def is_due(self) -> Any:
        """Tell whether it is due, and in how many seconds to look again."""
        now = self._default_now()
        ahead = self.model.last_run_at - now
        every = self.model.interval is not None
        if ahead > (timedelta(0) if every else FAR_AHEAD):
            # The clock was set back: what runs every 30 seconds must not pause for as long, nor
            # what runs every night for a year. Within a day, each time still comes once.
            self.last_run_at = self.model.last_run_at = now
        if self.line is None:
            if self.model.crontab is not None and self.model.expire_seconds is not None:
                late = timedelta(seconds=max(LEAST_LATENESS_S, self.model.expire_seconds))
                self.last_run_at = max(self.model.last_run_at, now - late)
            return super().is_due()
        moment = next_run(self.name, self.line, self.model.last_run_at, now)
        if moment is None or moment > now:
            return schedstate(is_due=False, next=_seconds(now, moment))
        if self.line.every_s is None:
            # Who does it does it once for this moment, whoever else may have sent it too.
            self.options["headers"][DUE_AT] = moment.isoformat()
        following = next_run(self.name, self.line, now, now)
        return schedstate(is_due=True, next=_seconds(now, following))


def _seconds(now: datetime, moment: datetime | None) -> float:
    """Count the seconds until a moment; for none, more than anybody waits."""
    return NEVER_CHECK_TIMEOUT if moment is None else (moment - now).total_seconds()


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
        self._disk = Disk.of(addresses.database_url(self._settings))
        #: When the broker first refused a run that is still owed, by this process's clock.
        self._refused_at: float | None = None
        #: When it was last told that the broker takes nothing; None while it does.
        self._told_at: float | None = None
        self._ahead_s = clock_ahead_s()
        self.stopping = Stopping()
        with stoppable():
            super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Wait for the right to send, then bring the rows up to date."""
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
        with self.stopping.acting():
            self._right.check()
            self._look_at_clock()
            if self._refused_at is not None and time.monotonic() - self._refused_at >= AGAIN_S:
                self._refused_at = None
                self._read_again()
            # Connected before any run is counted as sent, however long that takes.
            self.producer  # noqa: B018
            return super().tick(*args, **kwargs)

    def _ensure_connected(self) -> Any:
        # Another beat may have become the one that sends by the time the broker is back.
        return until_it_answers(self.connection, self._right.check)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one run; what the broker does not take is not counted as run, and sent later.

        Celery would leave it out until its next time: a nightly one for a day.
        """
        if self._told_at is None:
            logger.info("sending %s (%s)", entry.name, entry.task)
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as problem:
            self._tell(entry.name, problem)
            _not_run(entry)
            self._refused_at = self._refused_at or time.monotonic()
        except SystemExit:
            _not_run(entry)  # as far as is known: sent twice, it is done once
            raise
        else:
            if self._told_at is not None:
                self._told_at = None
                logger.info("the broker takes messages again: %s is sent", entry.name)

    def _tell(self, name: str, problem: SchedulingError) -> None:
        """Say now and then that the broker does not take what is due, however often it is tried."""
        if self._told_at is None or time.monotonic() - self._told_at >= TELL_S:
            self._told_at = time.monotonic()
            logger.warning("%s is sent later, and so is all that is due: %s", name, problem)

    def _look_at_clock(self) -> None:
        """Take every row anew when the clock was set.

        The order in which they are looked at is by the clock of before: after it was set back by
        an hour nothing would be sent for as long, where the first in order is not due.
        """
        former_s, self._ahead_s = self._ahead_s, clock_ahead_s()
        if abs(self._ahead_s - former_s) > SET_S:
            logger.warning("the clock was set by %+.0f s", self._ahead_s - former_s)
            self._read_again()

    def _read_again(self) -> None:
        """Write down what ran, and take every row as it is then."""
        self.sync()
        # That it was read is noted by the clock too.
        self._initial_read = True
        self._heap: list[Any] = []
        self._heap_invalidated = True

    def enabled_models_qs(self) -> Any:
        """Give all enabled rows.

        2.9 leaves out crontabs by a guess at their hour that is wrong in summer time and fires
        late around it (its issues #894, #956); ours are few, so none is left out.
        """
        return self.Model.objects.enabled()

    def sync(self) -> None:
        """Write down what ran; while the disk is full that is left for later."""
        full = None if self._disk is None else self._disk.lacks(LEAST)
        if full is not None:
            logger.warning("what ran is written down later: %s", full.message)
            return
        super().sync()

    def _do_sync(self) -> None:
        with self.stopping.acting():
            super()._do_sync()

    def close(self) -> None:
        """Write what was sent, and let another beat go on."""
        try:
            super().close()
        finally:
            self._right.give_back()


@beat_init.connect
def _listen(sender: Any = None, **_: object) -> None:
    # Not before: Celery has its own handlers by now.
    if isinstance(sender.scheduler, Scheduler):
        sender.scheduler.stopping.listen()


def _not_run(entry: Any) -> None:
    """Take back that it was run, which Celery counts before it sends."""
    entry.model.last_run_at = entry.last_run_at
    entry.model.total_run_count = entry.total_run_count


def clock_ahead_s() -> float:
    """Tell how far the clock is ahead of the one that is never set, seconds."""
    return time.time() - time.monotonic()


def _as_it_is_now(settings: Settings) -> Settings:
    """Read schedules.yml again: while this beat stood by, the other's was changed, perhaps."""
    try:
        return dataclasses.replace(settings, schedules=load_settings(settings.config_dir).schedules)
    except ConfigurationError as error:
        logger.warning("the schedules stay as they were when this beat started: %s", error)
        return settings
