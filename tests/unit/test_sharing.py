"""What the processes of a worker share with the one that forked them stays shared."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from celery.signals import worker_before_create_process

import pipeline.app as _app  # noqa: F401 - it listens to the signal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ring:
    """Garbage that only a search finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_a_worker_has_loaded_is_not_looked_through_for_garbage_in_its_processes() -> None:
    loaded = [{"of": "the worker's"}]
    assert any(one is loaded for one in gc.get_objects())

    worker_before_create_process.send(sender=None)

    assert not any(one is loaded for one in gc.get_objects())


@pytest.mark.usefixtures("thawed")
def test_garbage_is_thrown_away_before_and_not_kept_for_good() -> None:
    Ring()

    worker_before_create_process.send(sender=None)

    gc.unfreeze()
    assert not any(type(one) is Ring for one in gc.get_objects())


def test_how_rows_become_objects_is_worked_out_before_and_not_by_each_process() -> None:
    asking = """
from celery.signals import worker_before_create_process
import pipeline.app
from pipeline.models import Job
print(Job.__mapper__.configured)
worker_before_create_process.send(sender=None)
print(Job.__mapper__.configured)
"""
    told = subprocess.run(
        [sys.executable, "-c", asking], check=True, text=True, capture_output=True
    )
    assert told.stdout.split() == ["False", "True"]
