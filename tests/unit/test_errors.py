"""Errors are the same after they went from one process to another."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.errors import ReelworksError, TransientError
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable, JobNotFound, LeaseLost


@pytest.mark.parametrize(
    "error",
    [
        ReelworksError("not_media", "It is no film.", "Look at it.").telling("what ffprobe said"),
        TransientError("timeout", "It took too long."),
        JobNotFound("abc"),
        LeaseLost("abc", ("probe",)),
        DatabaseUnreachable("postgresql://db", "connection refused"),
        DatabaseFull.on_disk(Path("/state"), 16, 4),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_what_it_was_when_another_process_reads_it(error: ReelworksError) -> None:
    read = pickle.loads(pickle.dumps(error))
    assert type(read) is type(error)
    assert (read.code, read.message, read.hint) == (error.code, error.message, error.hint)
    assert (str(read), read.log, read.transient) == (str(error), error.log, error.transient)
