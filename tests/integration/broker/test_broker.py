"""The broker, embedded or given by address: priorities, queues, and doing without it."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from celery.app.task import Context
from celery.exceptions import Ignore
from kombu import pools

from pipeline import app as application
from pipeline.app import app, broker_is_redis, broker_priority, on_broker, queue_depth
from pipeline.history import jobs
from pipeline.models import StepKind
from pipeline.settings import addresses
from pipeline.stack import valkey
from pipeline.tasks import giving_way
from pipeline.tasks.giving_way import give_way
from pipeline.workflows import Todo, journey, launch, resume
from tests.system import EMBEDDED, eventually, purge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.app import Runtime
    from pipeline.models import Job

pytestmark = pytest.mark.service


def forget_connections() -> None:
    """Make the application connect anew, as it does after a fork."""
    pools.reset()
    application_parts: tuple[Any, Any] = (app, app.amqp)
    application_parts[0]._pool = None
    application_parts[1]._producer_pool = None


@pytest.fixture
def broker(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The broker's address, ours started for the test when none is given."""
    given = os.environ.get("REELWORKS_BROKER", EMBEDDED)
    process = None
    if given == EMBEDDED:
        process = subprocess.Popen(valkey.part(ready.settings).argv, stdout=subprocess.DEVNULL)
        eventually(lambda: valkey.answers(ready.settings), "the broker to answer", 20)
    for key, value in application.celery_settings(ready.settings).items():
        monkeypatch.setitem(app.conf, key, value)
    forget_connections()
    yield addresses.broker_url(ready.settings)
    forget_connections()
    if process is not None:
        process.terminate()
        process.wait(10)


def test_on_redis_the_most_urgent_message_comes_first(broker: str) -> None:
    if not broker_is_redis(broker):
        return  # quorum queues keep no order: see the next test
    for priority in (5, 0, 9, 3):
        send(priority, priority=broker_priority(priority))
    assert [taken for taken, _ in take(4)] == [9, 5, 3, 0]


def send(*arguments: Any, **options: Any) -> None:
    app.send_task(
        "pipeline.rendition", arguments, queue="encode.qsv", ignore_result=True, **options
    )


def take(count: int) -> list[tuple[Any, Any]]:
    """Take so many messages: the first argument of each, and its headers."""
    taken = []
    with app.connection_for_read() as connection:
        queue: Any = app.amqp.queues["encode.qsv"]
        simple = connection.SimpleQueue(queue)
        for _ in range(count):
            message = simple.get(timeout=10)
            taken.append((message.payload[0][0], message.headers))
            message.ack()
        simple.close()
    return taken


def test_where_the_broker_keeps_no_order_a_message_lets_urgent_ones_pass(
    broker: str, ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "keeps_order", lambda: False)
    purge(broker)
    usual, urgent = new_job(priority=5), new_job(priority=9)
    for job in (usual, urgent):
        with ready.db.begin() as session:
            jobs.mark_published(session, job.id)
        send(job.id, "all", [])
    begun, waiting = [], [usual.id, urgent.id]
    for _ in range(3):
        ((job_id, headers),) = take(1)
        try:
            give_way(delivered(job_id, headers), job_id, StepKind.PROBE)
        except Ignore:
            waiting.append(job_id)
        else:
            begun.append(job_id)
    assert waiting == [usual.id, urgent.id, usual.id]
    # It gives way once to each: the urgent one may be held by somebody, or lost.
    assert begun == [urgent.id, usual.id]


def delivered(job_id: str, headers: dict[str, Any]) -> Any:
    """The task as a worker sees it that has taken this message."""
    request = Context(
        headers,
        args=(job_id, "all", []),
        kwargs={},
        called_directly=False,
        is_eager=False,
        delivery_info={"routing_key": "encode.qsv"},
        headers={key: value for key, value in headers.items() if key == giving_way.GAVE_WAY},
    )
    task = app.tasks["pipeline.rendition"]
    return SimpleNamespace(request=request, signature_from_request=task.signature_from_request)


def test_a_queue_never_used_is_empty(broker: str) -> None:
    assert queue_depth("reelworks.never-used") == 0


def of_nobody(capability: str, tag: str | None = None) -> Todo:
    """What is to be done next is one encode, of no job."""
    return Todo(
        job_id="of-nobody",
        deadline_at=datetime.now(UTC) + timedelta(minutes=5),
        priority=5,
        steps=frozenset({"rendition:720p", "manifest"}),
        planned=True,
        units=(("all", capability, ("rendition:720p",)),),
        tag=tag,
    )


def test_a_canvas_waits_in_the_queue_of_its_first_step(broker: str) -> None:
    # The queue of GPU encodes: a system that shares this broker has no worker for it.
    todo = of_nobody("nvenc")
    before = queue_depth("encode.nvenc")
    canvas = journey(todo)
    assert canvas is not None
    canvas.apply_async(link_error=resume(todo))
    eventually(lambda: queue_depth("encode.nvenc") == before + 1, "the message to arrive", 10)
    with app.connection_for_write() as connection:
        app.amqp.queues["encode.nvenc"](connection.default_channel).purge()


def test_what_needs_a_tag_waits_where_only_workers_with_it_take_it(
    broker: str, ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = ready.settings.pipeline.model_copy(update={"tags": ("big-disk",)})
    tagged = replace(ready.settings, pipeline=pipeline)
    monkeypatch.setitem(app.conf, "task_queues", application.celery_settings(tagged)["task_queues"])
    monkeypatch.setattr(app.amqp, "_queues", None, raising=False)
    del app.amqp.queues
    todo = of_nobody("cpu", "big-disk")
    plain, queue = queue_depth("encode.cpu"), "encode.cpu.big-disk"
    canvas = journey(todo)
    assert canvas is not None
    canvas.apply_async(link_error=resume(todo))
    eventually(lambda: queue_depth(queue) == 1, "the message to arrive", 10)
    assert queue_depth("encode.cpu") == plain
    with app.connection_for_write() as connection:
        app.amqp.queues[queue](connection.default_channel).delete()
    del app.amqp.queues


def test_without_a_broker_a_job_is_recorded_and_stays_owed(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in application.celery_settings(ready.settings).items():
        monkeypatch.setitem(app.conf, key, value)
    monkeypatch.setitem(app.conf, "broker_url", "redis://127.0.0.1:1/0")
    forget_connections()
    job = new_job()
    began = time.monotonic()
    assert not launch(job.id)
    assert time.monotonic() - began < 20
    with ready.db.read() as session:
        row = jobs.get(session, job.id)
        assert (row.published_at, row.publish_count) == (None, 1)
    forget_connections()


def test_what_is_sent_after_the_broker_was_emptied_arrives(broker: str) -> None:
    # Who is connected believes everything declared: on Redis a lookup table would be gone.
    app.send_task("pipeline.nobody", queue="encode.qsv", ignore_result=True)
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        if not broker_is_redis(broker):
            channel.queue_purge(on_broker("encode.qsv"))
        else:
            channel.client.flushdb()
        app.send_task("pipeline.nobody", queue="encode.qsv", ignore_result=True)
        eventually(lambda: queue_depth("encode.qsv") == 1, "the message to arrive", 10)
        channel.queue_purge(on_broker("encode.qsv"))
