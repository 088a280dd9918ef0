"""Overlapping: a worker takes as many messages as `pipeline.tasks.encoders` allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.signals import worker_process_init
from celery.worker import state
from celery.worker.consumer.tasks import Tasks

from pipeline.app import app
from pipeline.tasks.encoders import share, shared

if TYPE_CHECKING:
    from pipeline.tasks.encoders import Encoders


def overlap(count: int) -> Encoders:
    """Have the worker that this process becomes share `count` encoders among its processes."""
    app.steps["consumer"].add(Overlapping)
    return share(count)


class Overlapping(bootsteps.StartStopStep):
    """Has Celery's consumer take as many messages as the encoders allow (Celery, "Bootsteps").

    Without it the worker takes as many as it has processes: then one waits behind a long encode
    that others could do.
    """

    requires = (Tasks,)

    def start(self, parent: Any) -> None:
        """Limit what is taken from the broker, after every new connection to it."""
        encoders, held = shared(), parent.task_consumer.channel.qos
        if encoders is None:
            return
        usual = held.can_consume
        held.can_consume = lambda: len(state.reserved_requests) < encoders.most_taken and usual()

    def stop(self, parent: Any) -> None:
        """Nothing: the limit ends with the connection."""

    def register_with_event_loop(self, _parent: Any, hub: Any) -> None:
        """Have the worker look at once whether it may take another message."""
        encoders = shared()
        if encoders is not None:
            hub.add_reader(encoders.bell, encoders.answer)


@worker_process_init.connect
def _nothing_taken(**_: object) -> None:
    # The process whose place this one takes may have been killed in the midst of a step.
    encoders = shared()
    if encoders is not None:
        with encoders.step():
            pass
