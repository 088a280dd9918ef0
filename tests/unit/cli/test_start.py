"""The command line starts without what it does not need: that would take most of its time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import VERBS, health, jobs
from pipeline.models import JobState
from pipeline.stack.presence import HEALTH, SILENT
from pipeline.stack.roles import ROLES

if TYPE_CHECKING:
    from pathlib import Path

#: Runs a command line, and then tells on stderr which of these packages it has imported.
RUN = """
import sys
from pipeline.cli import main
try:
    main(sys.argv[2:])
finally:
    print(*(name for name in sys.argv[1].split(",") if name in sys.modules), file=sys.stderr)
"""
HEAVY = ("celery", "django", "fastapi", "kombu", "langcodes", "pydantic", "sqlalchemy")


def imported(names: tuple[str, ...], *words: str, status: int = 0) -> list[str]:
    """Name those of the packages that a command line imports, which must end with that status."""
    command = [sys.executable, "-c", RUN, ",".join(names), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    *said, names_imported = done.stderr.splitlines()
    assert done.stdout or said
    assert done.returncode == status, done.stderr
    return names_imported.split()


def test_what_is_written_down_twice_for_it_is_the_same() -> None:
    assert [state.value for state in JobState] == list(jobs.STATES)
    assert set(health.PARTS) == {*ROLES, *SILENT, *HEALTH}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_imports_no_tables_no_queue_and_no_models(verb: str) -> None:
    assert imported(HEAVY, *([verb] if verb else []), "--help") == []


def test_verbs_that_ask_nothing_of_the_queue_do_not_import_it(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "pipeline.yml").write_text("watch:\n  - path: ./inbox\n")
    (config / "profiles.yml").write_text(
        "web: {video: {codec: h264, ladder: [144]}, audio: {codec: aac, bitrate: 96k}}\n"
    )
    names, chosen = ("celery", "kombu", "langcodes"), ("--config", str(config))
    for words in (("jobs",), ("jobs", "--state", "failed"), ("verify",)):
        assert imported(names, *chosen, *words) == [], words
    # It does not run, and who asks is not taken for it.
    assert imported(names, *chosen, "health", "watch", status=3) == []
