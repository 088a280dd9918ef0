"""The canvas is the sentence: chain(probe → thumbnail → group(renditions) → manifest)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline import workflows
from pipeline.app import app, broker_priority, celery_settings, chords_work
from pipeline.queues import QUEUES, task_queues
from pipeline.workflows import Todo, journey

DEADLINE = datetime(2026, 1, 1, tzinfo=UTC)
ALL = frozenset({"thumbnail", "rendition:720p", "rendition:480p", "manifest"})


@pytest.fixture(autouse=True)
def chords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "chords_work", lambda: True)
    monkeypatch.setattr(workflows, "broker_priority", lambda priority: 9 - priority)


def todo(*units: tuple[str, str, tuple[str, ...]], **facts: Any) -> Todo:
    usual: dict[str, Any] = {
        "job_id": "j",
        "deadline_at": DEADLINE,
        "priority": 5,
        "steps": ALL,
        "planned": True,
    }
    return Todo(**{**usual, **facts}, units=units)


WHOLE = ("all", "cpu", ("rendition:720p", "rendition:480p"))


def names(canvas: Any) -> list[Any]:
    return [
        [inner.task for inner in link.tasks]
        if link.task in ("celery.group", "celery.chord")
        else link.task
        for link in canvas.tasks
    ]


def test_before_the_plan_there_is_the_probe_and_then_a_look_at_what_comes_next() -> None:
    assert names(journey(todo(planned=False))) == ["pipeline.probe", "pipeline.resume"]


def test_with_one_unit_the_chain_needs_no_chord() -> None:
    canvas: Any = journey(todo(WHOLE))
    assert names(canvas) == ["pipeline.thumbnail", "pipeline.rendition", "pipeline.manifest"]
    assert canvas.tasks[1].args == ("j", "all", ["rendition:720p", "rendition:480p"])


def test_several_units_are_a_group_with_the_manifest_as_its_one_body() -> None:
    canvas: Any = journey(
        todo(("a", "cpu", ("rendition:720p",)), ("b", "nvenc", ("rendition:480p",)))
    )
    thumbnail, chord = canvas.tasks
    assert thumbnail.task == "pipeline.thumbnail"
    assert chord.body.task == "pipeline.manifest"
    assert [one.options["queue"] for one in chord.tasks] == ["encode.cpu", "encode.nvenc"]


def test_without_chords_each_rendition_is_followed_by_a_look_at_what_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflows, "chords_work", lambda: False)
    canvas: Any = journey(
        todo(("a", "cpu", ("rendition:720p",)), ("b", "cpu", ("rendition:480p",)))
    )
    group = canvas.tasks[1]
    assert [[link.task for link in member.tasks] for member in group.tasks] == [
        ["pipeline.rendition", "pipeline.resume"]
    ] * 2


def test_each_range_is_followed_by_a_look_and_what_joins_them_by_the_manifest() -> None:
    parts = [(f"range:00{one}", "cpu", (f"range:00{one}",)) for one in (1, 2)]
    canvas: Any = journey(todo(*parts, parts=True))
    members = canvas.tasks[1].tasks
    assert [[link.task for link in member.tasks] for member in members] == [
        ["pipeline.rendition", "pipeline.resume"]
    ] * 2
    last: Any = journey(todo(parts[1], parts=True, steps=frozenset({"range:002", "manifest"})))
    assert names(last) == ["pipeline.rendition", "pipeline.resume"]
    joined: Any = journey(todo(("join", "cpu", ("rendition:720p",)), steps=frozenset({"manifest"})))
    assert names(joined) == ["pipeline.rendition", "pipeline.manifest"]


def test_what_is_done_is_not_in_the_canvas() -> None:
    left = todo(("all", "cpu", ("rendition:480p",)), steps=frozenset({"rendition:480p"}))
    canvas: Any = journey(left)
    assert names(canvas) == ["pipeline.rendition", "pipeline.manifest"]
    assert canvas.tasks[0].args[2] == ["rendition:480p"]
    assert names(journey(todo(steps=frozenset({"manifest"})))) == ["pipeline.manifest"]


def test_every_task_carries_the_deadline_and_the_priority() -> None:
    canvas: Any = journey(todo(WHOLE, priority=7))
    assert {link.options["expires"] for link in canvas.tasks} == {DEADLINE}
    assert {link.options["priority"] for link in canvas.tasks} == {2}


@pytest.mark.parametrize(
    ("broker", "ours", "theirs"),
    [("redis://h/0", 9, 0), ("redis+socket:///s", 0, 9), ("amqp://h//", 9, 9)],
)
def test_the_most_urgent_is_said_as_each_broker_understands_it(
    monkeypatch: pytest.MonkeyPatch, broker: str, ours: int, theirs: int
) -> None:
    monkeypatch.setattr(app.conf, "broker_url", broker)
    assert broker_priority(ours) == theirs


@pytest.mark.parametrize(
    ("backend", "works"), [("redis://h/1", True), ("db+sqlite://", True), ("rpc://", False)]
)
def test_chords_are_used_where_the_result_backend_can_wait(
    monkeypatch: pytest.MonkeyPatch, backend: str, works: bool
) -> None:
    monkeypatch.setattr(app.conf, "result_backend", backend)
    assert chords_work() is works


def test_every_task_has_a_queue_and_only_json_is_spoken() -> None:
    from pipeline.settings.load import load_settings

    said = celery_settings(load_settings())
    known = {queue.name for queue in said["task_queues"]}
    assert {route["queue"] for route in said["task_routes"].values()} <= known
    assert known == {
        *("encode.cpu", "encode.nvenc", "encode.qsv", "encode.vaapi"),
        *("package", "probe", "control", "ingest", "notify", "check"),
    }
    assert said["accept_content"] == said["result_accept_content"] == ["json"]


def test_on_redis_nothing_that_is_sent_needs_a_table_that_may_be_emptied() -> None:
    queues = task_queues(redis=True)
    assert [queue.name for queue in queues] == list(QUEUES)
    assert {queue.exchange.type for queue in queues} == {"direct"}


def test_on_rabbitmq_queues_are_replicated_and_retries_wait_in_the_broker() -> None:
    queues: list[Any] = task_queues(redis=False)
    assert {queue.queue_arguments["x-queue-type"] for queue in queues} == {"quorum"}
    assert {queue.exchange.type for queue in queues} == {"topic"}
    assert [queue.alias for queue in queues] == [queue.routing_key for queue in queues]
    assert [queue.alias for queue in queues] == list(QUEUES)


def test_a_worker_that_comes_back_after_a_cut_is_not_locked_out_by_its_former_connection() -> None:
    from pipeline.settings.load import load_settings

    said = celery_settings(load_settings())
    assert (said["control_queue_exclusive"], said["control_queue_durable"]) == (False, True)
