"""The Celery application: broker, queues, routes and settings, and what every process shares.

The numbers come from experiments with Celery 5.7 and kombu 5.7 under long encodes; each says why.
"""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import (
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_ready,
)
from kombu.exceptions import ChannelError
from sqlalchemy.orm import configure_mappers

from pipeline.last_resort import BEYOND_GRACE_S, end_within
from pipeline.queues import MAX_PRIORITY, exchange, task_queues
from pipeline.refusing import look, troubles
from pipeline.runtime import Runtime, runtime
from pipeline.settings import addresses
from pipeline.settings.tls import broker_tls, redis_tls

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.refusing import BrokerRefuses
    from pipeline.settings.load import Settings

__all__ = [
    "CHORD_EXPIRES_S",
    "PUBLISH_RETRY",
    "RESULT_EXPIRES_S",
    "TASK_MODULES",
    "VISIBILITY_TIMEOUT_S",
    "Runtime",
    "answering",
    "app",
    "broker_is_redis",
    "broker_priority",
    "broker_problem",
    "broker_refusal",
    "celery_settings",
    "chords_work",
    "keeps_order",
    "on_broker",
    "queue_depth",
    "read_settings",
    "runtime",
]

logger = logging.getLogger(__name__)

#: Redis gives an unacknowledged message to somebody else after this long, seconds. Nothing is
#: renewed meanwhile, so it must be longer than any encode with its waits: two days. A killed
#: worker's work is not recovered by this but by its lapsed lease, in under a minute.
VISIBILITY_TIMEOUT_S = 172_800
RESULT_EXPIRES_S = 172_800
#: A chord's counter must outlive the longest member after the last-but-one, seconds.
CHORD_EXPIRES_S = 604_800
#: Publishing is tried again for about a second, then it is the reconciler's.
PUBLISH_RETRY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
TASK_MODULES = tuple(
    f"pipeline.tasks.{name}"
    for name in (
        "probe",
        "thumbnail",
        "rendition",
        "manifest",
        "notify",
        "control",
        "ingest",
        "settle",
        "retention",
        "upkeep",
        "health",
        "digest",
        "reencode",
    )
)


@worker_before_create_process.connect
def _share_what_is_loaded(**_: object) -> None:
    # How rows and objects belong together is worked out once, and not in each child.
    configure_mappers()
    # The search for garbage writes to each object that it looks at, and so gives the child a copy
    # of all that it shares with us, some time or other: what is there now is left out of it.
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def _forget_parents_connections(**_: object) -> None:
    # A connection must not be shared across a fork: the child opens its own.
    runtime.cache_clear()


@worker_init.connect
def _mend_transports(**_: object) -> None:
    # Imported here: it brings the whole worker with it, which a command line does not need.
    from pipeline.acknowledging import let_go_for_certain
    from pipeline.declaring import declare_before_binding

    declare_before_binding()
    let_go_for_certain()


@worker_ready.connect
def _stop_in_time(**_: object) -> None:
    # Not before: Celery has its own handler of SIGTERM by now.
    grace_s = runtime().settings.pipeline.workers.stop_grace.total_seconds()
    end_within(grace_s + BEYOND_GRACE_S)


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Derive Celery's settings from ours."""
    broker, results = addresses.broker_url(settings), addresses.results_url(settings)
    redis = broker_is_redis(broker)
    stop_grace_s = settings.pipeline.workers.stop_grace.total_seconds()
    return {
        "broker_url": broker,
        "broker_use_ssl": broker_tls(broker, settings.pipeline.tls) or False,
        "result_backend": results,
        "redis_backend_use_ssl": redis_tls(results, settings.pipeline.tls),
        "include": TASK_MODULES,
        "beat_schedule": {},
        "timezone": "UTC",
        "enable_utc": True,
        **_queue_settings(redis=redis, tags=settings.pipeline.tags),
        **_message_settings(redis=redis),
        **_result_settings(),
        **_worker_settings(redis=redis, stop_grace_s=stop_grace_s),
    }


def _queue_settings(*, redis: bool, tags: Collection[str]) -> dict[str, Any]:
    """Say which queues there are, and which tasks go where."""
    through = exchange(redis=redis)
    return {
        "task_queues": task_queues(redis=redis, tags=tags),
        # What nobody routed is Celery's own small housekeeping, as chord polling on databases.
        "task_default_queue": "control",
        "task_default_exchange": through.name,
        "task_default_exchange_type": through.type,
        "task_default_routing_key": "control",
        "task_create_missing_queues": False,
        "task_routes": {
            "pipeline.probe": {"queue": "probe"},
            "pipeline.thumbnail": {"queue": "package"},
            "pipeline.manifest": {"queue": "package"},
            "pipeline.rendition": {"queue": "encode.cpu"},
            "pipeline.scan": {"queue": "ingest"},
            "pipeline.look": {"queue": "ingest"},
            "pipeline.clean": {"queue": "ingest"},
            "pipeline.retention": {"queue": "ingest"},
            "pipeline.upkeep": {"queue": "ingest"},
            "pipeline.health": {"queue": "ingest"},
            "pipeline.check_results": {"queue": "check"},
            "pipeline.digest": {"queue": "notify"},
            "pipeline.reencode": {"queue": "ingest"},
            "pipeline.settle": {"queue": "ingest"},
            "pipeline.notify": {"queue": "notify"},
        },
    }


def _message_settings(*, redis: bool) -> dict[str, Any]:
    """Say how messages are sent and written."""
    return {
        "broker_transport_options": _transport_options(redis=redis),
        "broker_connection_retry_on_startup": True,
        "broker_connection_timeout": 4,
        "task_publish_retry_policy": PUBLISH_RETRY,
        "task_send_sent_event": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
    }


def _result_settings() -> dict[str, Any]:
    """Say what is kept of results, and for how long."""
    return {
        "result_backend_transport_options": {"retry_policy": PUBLISH_RETRY},
        "task_track_started": True,
        # One call a failed group, with the body's id; the errback is idempotent all the same.
        "task_allow_error_cb_on_chord_header": False,
        "result_expires": RESULT_EXPIRES_S,
        "result_chord_expires": CHORD_EXPIRES_S,
    }


def _worker_settings(*, redis: bool, stop_grace_s: float) -> dict[str, Any]:
    """Say how workers take work, and how they leave it."""
    return {
        # A message is acknowledged when its work is done; a worker takes only what it can start.
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": redis,
        "worker_soft_shutdown_timeout": stop_grace_s,
        # An idle worker stops at once. What waits for its retry in a worker's memory goes back to
        # the broker, and should it not, the reconciler publishes it: 5 seconds a stop are saved.
        "worker_enable_soft_shutdown_on_idle": False,
        # RabbitMQ hands the message on when the connection drops, so the work must stop here;
        # Redis keeps it for its holder until the visibility timeout.
        "worker_cancel_long_running_tasks_on_connection_loss": not redis,
        # A Redis whose memory or disk is full answers everything with an error of this kind, over
        # which a worker would end: it connects anew instead, and our consumer waits.
        "broker_channel_error_retry": redis,
        "worker_consumer": "pipeline.consuming:Consumer",
        "worker_send_task_events": True,
        # A worker's own queue must not be locked to its connection: RabbitMQ holds that for minutes
        # after a cut, and whoever starts under the node's name meanwhile would crash over it.
        "control_queue_exclusive": False,
        "control_queue_durable": True,
        "worker_hijack_root_logger": False,
    }


def _transport_options(*, redis: bool) -> dict[str, Any]:
    if not redis:
        return {}
    return {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "priority_steps": list(range(MAX_PRIORITY + 1)),
        "queue_order_strategy": "priority",
        "socket_connect_timeout": 4,
        "health_check_interval": 25,
    }


def broker_is_redis(url: str) -> bool:
    """Whether the broker's address is one of Redis or Valkey."""
    return url.startswith(("redis", "rediss", "valkey"))


app = Celery("reelworks")
app.add_defaults(lambda: celery_settings(runtime().settings))


def read_settings() -> None:
    """Let Celery read its settings now: call it before there are threads.

    It reads them on first use, and a second thread that comes meanwhile finds none.
    """
    app.conf.get("broker_url")


def broker_priority(priority: int) -> int:
    """Translate our priority (9 most urgent) into the broker's: Redis takes 0 first."""
    return MAX_PRIORITY - priority if broker_is_redis(app.conf.broker_url) else priority


def keeps_order() -> bool:
    """Whether the broker hands out what is urgent first; else messages give way by themselves."""
    return broker_is_redis(app.conf.broker_url)


def queue_depth(queue: str) -> int:
    """Count the messages of the queue that no worker has taken yet; 0 when it was never used."""
    with app.connection_for_read() as connection:
        try:
            channel: Any = connection.default_channel
            declared = channel.queue_declare(queue=on_broker(queue), passive=True)
        except ChannelError:
            return 0
        return int(declared.message_count)


def on_broker(queue: str) -> str:
    """Give the name that a queue has on the broker in use; one that is not ours keeps its own."""
    try:
        return str(app.amqp.queues[queue].name)
    except KeyError:
        return queue


def broker_problem(timeout_s: int) -> tuple[str, str | None]:
    """Connect to the broker; returns its address without password, and why it does not answer."""
    with app.connection_for_write() as connection:
        shown = connection.as_uri()
        try:
            connection.ensure_connection(max_retries=1, timeout=timeout_s)
        except troubles(connection) as problem:
            return shown, str(problem)
    return shown, None


def broker_refusal() -> BrokerRefuses | None:
    """Say why a broker that answers takes nothing; None where it does, or does not answer."""
    with app.connection_for_write() as connection:
        return look(connection)


def answering(nodes: Collection[str] | None, timeout_s: float) -> set[str]:
    """Ask workers by name, or all, for a sign of life; none answers when the broker doesn't."""
    return _answers(timeout_s, destination=None if nodes is None else list(nodes))


def answering_like(pattern: str, timeout_s: float, *, most: int | None = None) -> set[str]:
    """Ask those whose names match a regular expression, until so many have answered."""
    return _answers(timeout_s, pattern=pattern, matcher="pcre", limit=most)


def _answers(timeout_s: float, **asked: Any) -> set[str]:
    with app.connection_for_write() as connection:
        try:
            replies = app.control.ping(timeout=timeout_s, connection=connection, **asked)
        except troubles(connection):
            return set()
    return {node for reply in replies or () for node in reply}


def chords_work() -> bool:
    """Whether the result backend can wait for a group: the RPC backend can't."""
    return not str(app.conf.result_backend or "").startswith("rpc")
