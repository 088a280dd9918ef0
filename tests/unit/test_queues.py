"""Queues by capability and tag: who takes what, and by which key a message came."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.hardware import KINDS
from pipeline.plan.plan import make_plan
from pipeline.queues import QUEUES, encode_queue, queue_by_key, queue_names, task_queues
from pipeline.settings import values
from pipeline.settings.profiles import Profile
from pipeline.stack.roles import ROLES
from tests.unit.plan.sources import source

TAGS = ("big-disk", "cpu-heavy")
PLAIN = EncodeWorker(name="encode@a/1", slots=4)
TAGGED = EncodeWorker(name="encode@b/1", slots=2, tags=("big-disk",))


def test_each_tag_has_a_queue_for_each_capability() -> None:
    names = queue_names(TAGS)
    assert names[: len(QUEUES)] == QUEUES
    assert set(names) - set(QUEUES) == {
        encode_queue(kind, tag) for kind in ("cpu", "nvenc", "qsv", "vaapi") for tag in TAGS
    }
    queues: list[Any] = task_queues(redis=False, tags=TAGS)
    assert [queue.alias for queue in queues] == list(names)
    assert {queue.queue_arguments["x-queue-type"] for queue in queues} == {"quorum"}
    assert [queue.name for queue in task_queues(redis=True, tags=TAGS)] == list(names)


@pytest.mark.parametrize("name", queue_names(TAGS))
def test_a_message_is_known_by_its_key_also_when_it_was_delayed(name: str) -> None:
    assert queue_by_key(name, TAGS) == name
    assert queue_by_key("0.0.1.0.1." + name, TAGS) == name


def test_a_key_of_no_queue_is_of_none() -> None:
    assert queue_by_key("encode.cpu.big-disk") is None
    assert queue_by_key("celery.package", TAGS) is None


def test_a_worker_takes_what_needs_its_tags_first_and_all_else_too() -> None:
    encode = ROLES["encode"]
    assert encode.all_queues(KINDS[:1], ("big-disk",)) == (
        *("encode.nvenc.big-disk", "encode.cpu.big-disk"),
        *("encode.nvenc", "encode.cpu", "check"),
    )
    assert ROLES["encode-gpu"].all_queues(KINDS[1:2], TAGS[:1]) == (
        "encode.qsv.big-disk",
        "encode.qsv",
    )
    assert encode.all_queues((), ()) == ("encode.cpu", "check")
    assert ROLES["package"].all_queues((), TAGS) == ("package", "probe")


def test_what_needs_a_tag_is_planned_for_the_workers_that_have_it() -> None:
    both = Capacity(workers=(PLAIN, TAGGED))
    assert both.having(None) == both
    assert both.having("big-disk").workers == (TAGGED,)
    assert both.having("big-disk").free == 2
    assert both.having("licensed").workers == ()


def test_a_plan_says_when_no_worker_has_the_tag() -> None:
    profile = Profile.model_validate({"video": {"ladder": [360]}})
    there = make_plan(source(), profile, Capacity(workers=(TAGGED,)), "big-disk")
    assert there.notes == ()
    waits = "no worker with the tag big-disk is there: its encodes wait for one"
    for capacity in (Capacity(), None):
        plan = make_plan(source(), profile, capacity, "big-disk")
        assert plan.notes == (waits,)
        assert plan.units == there.units


def test_no_tag_is_named_as_a_queue() -> None:
    # A delayed retry goes by `#.KEY`: what ends in another queue's key would come to both.
    assert {name for name in QUEUES if "." not in name} == values.QUEUES
