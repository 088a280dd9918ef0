"""Following jobs as they change: the database is asked once a job, however many listen."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from pipeline.errors import TransientError
from pipeline.web.access import job_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipeline.app import Runtime

logger = logging.getLogger(__name__)

#: How often a followed job is looked at, seconds.
LOOK_S = 0.7


@dataclass(frozen=True)
class Look:
    """A job at one moment: its JSON, and a mark that only the same JSON has."""

    job_id: str
    text: str
    mark: str
    state: str
    ended: bool


def look(runtime: Runtime, job_id: str) -> Look:
    """Look at a job. Raises `JobNotFound`."""
    view = job_view(runtime, job_id)
    text = view.model_dump_json()
    mark = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return Look(view.id, text, mark, view.state, view.ended)


class Followed:
    """One job that somebody listens to: the latest look, until it has ended."""

    def __init__(self, runtime: Runtime, first: Look) -> None:
        self.latest = first
        self.listeners = 0
        self._runtime = runtime
        self._changed = asyncio.Event()
        self._looking = asyncio.create_task(self._look_on())

    async def after(self, mark: str | None) -> Look:
        """Wait for a look other than the one with this mark. Raises what looking raised."""
        while self.latest.mark == mark:
            if self._looking.done():
                self._looking.result()
            await self._changed.wait()
        return self.latest

    async def stop(self) -> None:
        """Look no more."""
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([self._looking])

    @property
    def over(self) -> bool:
        """Whether there is nothing more to see, or looking has failed."""
        return self._looking.done()

    async def _look_on(self) -> None:
        try:
            while not self.latest.ended:
                await asyncio.sleep(LOOK_S)
                await self._look_once()
        finally:
            self._changed.set()

    async def _look_once(self) -> None:
        try:
            seen = await run_in_threadpool(look, self._runtime, self.latest.job_id)
        except TransientError as error:
            logger.warning("job %s can't be looked at now: %s", self.latest.job_id, error)
            return
        if seen.mark != self.latest.mark:
            self.latest = seen
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()


class Following:
    """The jobs that somebody listens to at present. Belongs to one event loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._jobs: dict[str, Followed] = {}

    @property
    def listeners(self) -> int:
        """How many listen."""
        return sum(followed.listeners for followed in self._jobs.values())

    @asynccontextmanager
    async def join(self, first: Look) -> AsyncIterator[Followed]:
        """Listen to a job that was just looked at, for as long as the block lasts."""
        followed = self._jobs.get(first.job_id)
        if followed is None or followed.over:
            followed = self._jobs[first.job_id] = Followed(self._runtime, first)
        followed.listeners += 1
        try:
            yield followed
        finally:
            followed.listeners -= 1
            if followed.listeners == 0:
                if self._jobs.get(first.job_id) is followed:
                    del self._jobs[first.job_id]
                await followed.stop()

    async def stop(self) -> None:
        """Look at nothing more."""
        for followed in list(self._jobs.values()):
            await followed.stop()
