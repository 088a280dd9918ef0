"""How many kinds of source come out right: the table of `tests/sources`, row by row."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.report import Report
from tests.sources.row import Row
from tests.sources.table import ROWS, try_row

#: The most of a reason that is printed, characters.
LONGEST = 160


def run() -> Report:
    """Try every row, several side by side."""
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = list(pool.map(_wrong, ROWS))
    failed = [(row.name, reasons) for row, reasons in zip(ROWS, wrong, strict=True) if reasons]
    return Report(
        "sources",
        {
            "rows": len(ROWS),
            "rows that pass": len(ROWS) - len(failed),
            "rows that fail": len(failed),
            "wall seconds": time.monotonic() - began,
        },
        {"rows that fail": 0},
        tuple(f"{name}: {reason[:LONGEST]}" for name, reasons in failed for reason in reasons),
    )


def _wrong(row: Row) -> list[str]:
    try:
        return try_row(row)
    except subprocess.SubprocessError as error:
        return [f"it can't be made or read back: {error}"]
