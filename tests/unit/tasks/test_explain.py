"""Only what can pass by itself is tried again."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import exc

from pipeline.errors import ReelworksError
from pipeline.tasks.explain import explain

LOCKED = sqlite3.OperationalError("database is locked")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/jobs/a"), "no_space"),
        (OSError(errno.EIO, "Input/output error", "/jobs/a"), "system"),
        (OSError(errno.ESTALE, "Stale file handle"), "system"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "system"),
        (exc.OperationalError("UPDATE", {}, LOCKED), "database"),
        (exc.TimeoutError("no connection is free"), "database"),
        (BrokerError("connection refused"), "broker"),
        (MemoryError(), "no_memory"),
    ],
)
def test_trouble_of_the_system_the_database_and_the_broker_can_pass(
    error: Exception, code: str
) -> None:
    told = explain(error)
    assert (told.code, told.transient) == (code, True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/library"), "system"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "system"),
        (exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE")), "internal"),
        (KeyError("720p"), "internal"),
        (ReelworksError("not_media", "It is a text."), "not_media"),
    ],
)
def test_what_would_come_again_fails_at_once(error: Exception, code: str) -> None:
    told = explain(error)
    assert (told.code, told.transient) == (code, False)


def test_a_refusal_of_the_system_names_the_place_and_what_to_look_at() -> None:
    told = explain(PermissionError(errno.EACCES, "Permission denied", "/library/a"))
    assert told.message == "The system refused at /library/a: Permission denied."
    assert "`paths`" in told.hint
