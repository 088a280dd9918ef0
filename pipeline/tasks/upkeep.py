"""Upkeep: look after the database by the clock."""

from __future__ import annotations

from dataclasses import asdict

from pipeline.app import app, runtime
from pipeline.history import upkeep as database
from pipeline.printable import size_text
from pipeline.tasks.timed import Timed, Told


@app.task(base=Timed, name="pipeline.upkeep", ignore_result=True)
def upkeep() -> Told:
    """Check the database, forget what is gone, and give unused room back."""
    done = database.upkeep(runtime().db)
    forgotten = f"{done.known_files} files and {done.workers} workers that are gone forgotten"
    room = f", {size_text(done.bytes_given_back)} given back" if done.bytes_given_back else ""
    return Told(f"{forgotten}{room}", asdict(done))
