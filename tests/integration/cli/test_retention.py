"""`reelworks schedules run --dry-run` tells what would go by which rule, and removes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from pipeline.history.database import now
from pipeline.history.views import SHORT_ID
from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from tests.integration.cli.conftest import Said

TIDY = "{task: retention, every: 1d, history: {keep_newest: 2}}"


def test_what_would_go_is_told_with_the_rule_and_its_numbers(
    reelworks: Callable[..., Said], ready: Runtime, new_job: Callable[..., Job]
) -> None:
    (ready.settings.config_dir / "schedules.yml").write_text(
        f"tidy: {TIDY}\nscan: {{task: scan, every: 1d}}\n"
    )
    made = [new_job() for _ in range(3)]
    with ready.db.begin() as session:
        for days, job in enumerate(made):
            at = now(session) - timedelta(days=days)
            ended = {"state": JobState.FAILED, "finished_at": at, "settled_at": at}
            session.execute(update(Job).where(Job.id == job.id).values(**ended))
    reason = "history.keep_newest keeps the newest 2 of 3 ended jobs"
    said = reelworks("schedules", "run", "tidy", "--dry-run")
    assert said.status == 0
    assert said.out.splitlines() == [
        f"would go  the history of job {made[2].id[:SHORT_ID]}: {reason}",
        "1 job of the history would be removed.",
    ]
    removal, summary = reelworks("schedules", "run", "tidy", "--dry-run", "--json").objects()
    assert (removal["kind"], removal["job"], removal["reason"]) == ("history", made[2].id, reason)
    assert (summary["history"], summary["dry_run"]) == (1, True)
    with ready.db.read() as session:
        assert session.scalar(select(func.count(Job.id))) == 3


def test_a_schedule_that_removes_nothing_has_no_dry_run(
    reelworks: Callable[..., Said], ready: Runtime
) -> None:
    (ready.settings.config_dir / "schedules.yml").write_text("scan: {task: scan, every: 1d}\n")
    said = reelworks("schedules", "run", "scan", "--dry-run")
    assert said.status == 2
    assert "scan is of the task scan, which removes nothing." in said.err
