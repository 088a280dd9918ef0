"""The table: every row, by theme."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sources import (
    asked,
    avis,
    bad,
    changing,
    colours,
    containers,
    fields,
    geometry,
    odd,
    oggs,
    paff,
    sounds,
    texts,
    timing,
)
from tests.sources.judge import judge
from tests.sources.runner import run_source

if TYPE_CHECKING:
    from tests.sources.row import Row

ROWS: tuple[Row, ...] = tuple(
    row
    for theme in (
        geometry,
        fields,
        colours,
        timing,
        avis,
        changing,
        sounds,
        texts,
        odd,
        oggs,
        paff,
        bad,
        asked,
        containers,
    )
    for row in theme.ROWS
)


def try_row(row: Row) -> list[str]:
    """Make a row's source, run it, and give every way in which the outcome is not right."""
    work = Path(tempfile.mkdtemp(prefix="reelworks-source-"))
    try:
        made = work / "made"
        made.mkdir()
        source = row.make(made)
        outcome = run_source(source, row.profile, work / "run")
        return judge(row, source, outcome, work)
    finally:
        shutil.rmtree(work)
