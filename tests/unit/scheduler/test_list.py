"""The list of schedules can be read in any terminal, and loses nothing where it is narrow."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from pipeline.cli import schedules
from pipeline.history.schedule_runs import Result
from pipeline.scheduler import Row

AT = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
PLAIN = Row(
    name="nightly",
    origin="schedules.yml",
    task="pipeline.clean",
    when="at 04:30",
    timezone="UTC",
    enabled=True,
    next_run_at=AT,
    last_run_at=AT,
    total_run_count=3,
    last_result=Result("t", AT, AT, "done", "3 working folders removed", {}),
    synchronised=True,
)
SAID = "done: 3 working folders removed"
ODD = Result("t", AT, AT, "done", "[b]", {})
ROWS = {
    "plain": PLAIN,
    "built in": replace(PLAIN, name="notify", origin="built in", last_result=None),
    "far away": replace(PLAIN, timezone="America/Argentina/Buenos_Aires"),
    "long": replace(PLAIN, name="scan-of-everything-" * 4, when="at 1, 5 and 9 past " * 8),
    "wide letters": replace(PLAIN, name="夜間スキャン" * 5),
    "switched off": replace(PLAIN, enabled=False, next_run_at=None),
    "markup": replace(PLAIN, name="[red]", last_result=ODD),
}


def printed(monkeypatch: pytest.MonkeyPatch, width: int, *, terminal: bool = True) -> list[str]:
    output = io.StringIO()
    where = Console(file=output, width=width, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(schedules, "console", lambda: where)
    schedules._print(list(ROWS.values()))
    return [line.rstrip() for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_gets_lines_that_fit_and_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    lines = printed(monkeypatch, width)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    text = "\n".join(lines)
    counts = {"past": 8, "夜": 5, "everything": 4, "04:30:00": 13, "removed": 5, "[b]": 1}
    for word, count in counts.items():
        whole = text if word != "everything" else "".join(line[:24].strip() for line in lines)
        assert whole.count(word) == count, word


def test_eighty_columns_show_each_entry_in_three_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_local", lambda at, otherwise: "then" if at else otherwise)
    lines = printed(monkeypatch, 80)
    text = "\n".join(" ".join(line.split()) for line in lines)
    assert f"nightly clean at 04:30\nnext run then\nlast run then, {SAID}\n" in text
    assert "notify clean at 04:30, built in\nnext run then\nlast run then\n" in text
    assert "clean at 04:30 (America/Argentina/Buenos_Aires)\n" in text
    assert f"nightly clean at 04:30\nswitched off\nlast run then, {SAID}\n" in text
    assert "[red] clean at 04:30\n" in text


@pytest.mark.parametrize(("width", "terminal"), [(400, True), (80, False)])
def test_where_there_is_room_and_in_a_pipe_each_entry_is_one_line(
    monkeypatch: pytest.MonkeyPatch, width: int, terminal: bool
) -> None:
    heads, *lines = printed(monkeypatch, width, terminal=terminal)
    assert heads.split()[:3] == ["name", "from", "task"]
    assert len(lines) == len(ROWS)
    for row, line in zip(ROWS.values(), lines, strict=True):
        assert line.startswith(row.name)
        assert row.when.strip() in line
