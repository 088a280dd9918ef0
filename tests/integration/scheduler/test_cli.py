"""`reelworks schedules`, as people and scripts use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete

from pipeline import app as application
from pipeline.cli import main
from pipeline.history import schedule_runs, schema
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.schedule_runs import Beginning, Outcome, Run
from pipeline.models import ScheduleRun
from pipeline.scheduler import awaiting, sync
from pipeline.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from pipeline.settings.load import Settings
    from tests.integration.scheduler.beats import Beats

Cli = Callable[..., tuple[int, str, str]]
TWO = """\
nightly: {task: clean, cron: "30 4 * * 0", timezone: Europe/Paris}
often: {task: scan, folder: ./media/inbox, every: 90s, enabled: false}
"""


@pytest.fixture
def cli(
    settings: Settings,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """Run a verb in this process: exit code, standard output, standard error."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REELWORKS_CONFIG", str(settings.config_dir))

    def run(*arguments: str) -> tuple[int, str, str]:
        application.runtime.cache_clear()
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(settings.config_dir), "schedules", *arguments])
        application.runtime().db.dispose()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield run
    application.runtime.cache_clear()


def run_of(name: str, task_id: str = "t") -> Run:
    return Run(name, "t", task_id, f"notify@a/place.1.1/{task_id}")


def entries(said: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in map(json.loads, said.splitlines())}


def test_the_list_shows_every_entry_before_beat_knows_of_it(cli: Cli, config_dir: Path) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    code, said, _ = cli("list", "--json")
    assert code == 0
    assert list(entries(said)) == ["notify", "reconcile", "nightly", "often"]
    assert entries(said)["nightly"] == {
        "name": "nightly",
        "origin": "schedules.yml",
        "task": "pipeline.clean",
        "when": "at 04:30, only on Sunday",
        "timezone": "Europe/Paris",
        "enabled": True,
        "next_run_at": None,
        "last_run_at": None,
        "total_run_count": 0,
        "last_result": None,
        "synchronised": False,
    }
    assert entries(said)["often"]["enabled"] is False


def test_the_list_shows_what_beat_remembers(cli: Cli, config_dir: Path, environ: Any) -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    (config_dir / "schedules.yml").write_text(TWO)
    sync(load_settings(config_dir, environ))
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    PeriodicTask.objects.filter(name="yaml:nightly").update(last_run_at=at, total_run_count=3)
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="theirs", task="their.task", interval=hourly)
    rows = entries(cli("list", "--json")[1])
    assert rows["nightly"]["last_run_at"] == "2026-03-04T05:06:07Z"
    assert rows["nightly"]["total_run_count"] == 3
    assert all(row["synchronised"] for row in rows.values())
    assert (rows["theirs"]["origin"], rows["theirs"]["when"]) == ("other", "every 1 hours")


def test_what_has_a_result_has_run(cli: Cli, config_dir: Path, environ: dict[str, str]) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    database = Database(environ["REELWORKS_DATABASE"])
    cli("sync")
    with database.begin() as session:
        schedule_runs.begin(session, run_of("yaml:often"), due_at=None)
    database.dispose()
    row = entries(cli("list", "--json")[1])["often"]
    assert row["last_run_at"] == row["last_result"]["started_at"]


def test_the_list_tells_the_next_run_in_the_readers_own_zone_and_the_last_result(
    cli: Cli, config_dir: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = '{task: clean, at: "2036-07-01 12:00", timezone: Europe/Paris}'
    text = f"summer: {entry}\nspoilt: {{task: clean, every: 1h}}\n"
    (config_dir / "schedules.yml").write_text(text)
    cli("sync")
    told = (("yaml:summer", "done", "3 removed"), ("yaml:spoilt", "failed", "no room"))
    database = Database(environ["REELWORKS_DATABASE"])
    with database.begin() as session:
        for name, outcome, said in told:
            assert schedule_runs.begin(session, run_of(name), due_at=None) is Beginning.BEGUN
            schedule_runs.finish(session, run_of(name), Outcome(outcome), said, {"n": 3})
    database.dispose()
    row = entries(cli("list", "--json")[1])["summer"]
    assert (row["when"], row["next_run_at"]) == ("once at 2036-07-01 10:00", "2036-07-01T10:00:00Z")
    assert row["last_result"]["facts"] == {"n": 3}
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    shown = cli("list")[1]
    monkeypatch.delenv("TZ")
    time.tzset()
    assert "2036-07-01 19:00:00 JST" in shown
    assert "done: 3 removed" in shown
    assert "failed: no room" in shown


def test_the_list_tells_what_a_window_is_for_and_why_a_moment_never_comes(
    cli: Cli, config_dir: Path
) -> None:
    night, once = '{task: encode, window: "22:00-06:00"}', '{task: scan, at: "2020-07-01 12:00"}'
    (config_dir / "schedules.yml").write_text(f"night: {night}\nonce: {once}\n")
    cli("sync")
    told = entries(cli("list", "--json")[1])
    assert told["night"]["task"] == "pipeline.encode"
    assert told["night"]["when"].endswith("encodes until 06:00")
    assert told["once"]["when"] == "once at 2020-07-01 12:00, which is past"
    assert told["once"]["next_run_at"] is None


def test_the_list_for_people_says_what_is_not_synchronised(cli: Cli, config_dir: Path) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    code, said, _ = cli()
    assert code == 0
    for words in ("nightly", "at 04:30, only on Sunday", "Europe/Paris", "never", "built in"):
        assert words in said
    assert "Not yet as schedules.yml says: notify, reconcile, nightly, often." in said
    cli("sync")
    assert "Not yet" not in cli("list")[1]


def test_a_removed_entry_is_listed_as_such_until_it_is_synchronised(
    cli: Cli, config_dir: Path
) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    cli("sync")
    (config_dir / "schedules.yml").write_text("")
    rows = entries(cli("list", "--json")[1])
    assert rows["nightly"]["synchronised"] is False
    assert rows["notify"]["synchronised"] is True


def test_sync_prints_what_changed(cli: Cli, config_dir: Path) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    said = cli("sync")[1].splitlines()
    assert said[0] == "created yaml:nightly"
    assert said[-1] == "0 unchanged"
    (config_dir / "schedules.yml").write_text("nightly: {task: clean, every: 1h}\n")
    assert cli("sync")[1].splitlines() == [
        "updated yaml:nightly",
        "removed yaml:often",
        "2 unchanged",
    ]
    assert json.loads(cli("sync", "--json")[1]) == {
        "created": [],
        "updated": [],
        "removed": [],
        "unchanged": 3,
    }


def test_run_sends_an_entry_now_even_a_disabled_one(config_dir: Path, beats: Beats) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    code, said = _in_a_process(beats, "run", "often", "--json")
    assert code == 0
    told = json.loads(said)
    assert told["name"] == "often"
    messages = [json.loads(text) for text in beats.broker.lrange("ingest", 0, -1)]
    assert [one["headers"]["id"] for one in messages] == [told["task"]]
    folder = str(config_dir.parent / "media" / "inbox")
    assert f"'folder': '{folder}'" in messages[0]["headers"]["kwargsrepr"]


def test_run_of_an_unknown_name_suggests_the_nearest_and_exits_2(
    cli: Cli, config_dir: Path
) -> None:
    (config_dir / "schedules.yml").write_text(TWO)
    code, _, said = cli("run", "nigthly")
    assert code == 2
    assert "There is no schedule 'nigthly'" in said
    assert "Did you mean 'nightly'?" in said


@pytest.mark.parametrize(
    "broker",
    ["redis://:topsecret@127.0.0.1:1/0", "amqp://me:topsecret@127.0.0.1:1//"],
)
def test_run_without_a_broker_exits_3_and_shows_no_password(beats: Beats, broker: str) -> None:
    beats.environ["REELWORKS_BROKER"] = broker
    code, said = _in_a_process(beats, "run", "notify")
    assert code == 3
    assert "can't be reached" in said
    assert "127.0.0.1:1" in said
    assert "topsecret" not in said


@pytest.fixture
def own(
    cli: Cli, config_dir: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[Session], None]], None]]:
    """What is run by hand is sent nowhere; a test says what became of its row, look after look."""
    (config_dir / "schedules.yml").write_text(TWO)
    monkeypatch.setattr(awaiting, "run_now", lambda *_: "mine")
    monkeypatch.setattr("pipeline.cli.schedules.SILENT_S", 0.0)
    monkeypatch.setattr(awaiting, "LOOK_S", 0.01)
    database = Database(environ["REELWORKS_DATABASE"])
    schema.upgrade(database)
    with database.begin() as session:
        session.execute(delete(ScheduleRun))  # a server keeps those of other tests
    look = awaiting._look
    steps: list[Callable[[Session], None]] = []

    def looked(*facts: Any) -> Any:
        if steps:
            with database.begin() as session:
                steps.pop(0)(session)
        return look(*facts)

    monkeypatch.setattr(awaiting, "_look", looked)
    yield steps.append
    database.dispose()


def begins(task_id: str) -> Callable[[Session], None]:
    def act(session: Session) -> None:
        assert (
            schedule_runs.begin(session, run_of("yaml:often", task_id), due_at=None)
            is Beginning.BEGUN
        )

    return act


def ends(outcome: str, said: str, task_id: str = "mine") -> Callable[[Session], None]:
    run = run_of("yaml:often", task_id)
    return lambda session: schedule_runs.finish(session, run, Outcome(outcome), said, {})


def test_run_waits_for_the_end_and_says_for_what_it_waits(cli: Cli, own: Any) -> None:
    for act in (begins("earlier"), begins("mine"), ends("done", "2 new jobs")):
        own(act)
    code, said, progress = cli("run", "often", "--wait")
    assert (code, said) == (0, "often done: 2 new jobs\n")
    assert progress.splitlines() == [
        "often: waiting for a worker that takes it",
        "often: waiting for its end",
    ]


def test_run_tells_programs_the_end_and_exits_1_when_it_failed(cli: Cli, own: Any) -> None:
    own(begins("mine"))
    own(ends("failed", "no room"))
    code, said, _ = cli("run", "often", "--wait", "--json")
    assert code == 1
    told = json.loads(said)["result"]
    assert (told["outcome"], told["summary"]) == ("failed", "no room")


def test_run_says_that_a_later_run_took_the_row(cli: Cli, own: Any) -> None:
    own(begins("mine"))
    own(begins("later"))
    code, said, error = cli("run", "often", "--wait")
    assert (code, said) == (1, "")
    assert "error: A later run of often began before this one had ended" in error
    assert "hint: `reelworks schedules` tells what came of the later one." in error


def test_run_says_that_its_worker_is_gone(
    cli: Cli, own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_runs, "LEASE", timedelta(0))
    monkeypatch.setattr(awaiting, "LOST_S", 0.1)
    own(begins("mine"))
    code, _, error = cli("run", "often", "--wait")
    assert code == 1
    assert "often: waiting for its worker, of which nothing is heard, or another one" in error
    assert "error: The worker that did often ended before it did." in error
    assert "then run it again" in error
    code, said, _ = cli("list")
    assert code == 0
    assert "lost: its worker ended before it did" in said
    row = entries(cli("list", "--json")[1])["often"]
    assert row["last_result"]["outcome"] == "lost"


def test_run_says_that_another_one_took_the_row_unseen(
    cli: Cli, own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "PASSED_S", 0.1)

    def both(session: Session) -> None:
        for task_id in ("mine", "later"):
            begins(task_id)(session)
            ends("done", "", task_id)(session)

    own(both)
    code, said, error = cli("run", "often", "--wait")
    assert (code, said) == (1, "")
    assert "error: Another run of often began after this one was sent" in error
    assert "hint: `reelworks schedules` tells what came of the other one" in error
    assert "waits in the queue ingest." in error


def test_run_says_that_nobody_took_it(cli: Cli, own: Any, environ: dict[str, str]) -> None:
    database = Database(environ["REELWORKS_DATABASE"])
    with database.begin() as session:
        begins("earlier")(session)
    database.dispose()
    code, said, error = cli("run", "often", "--wait", "--begin-within", "0.1", "--json")
    assert (code, error) == (1, "often: waiting for a worker that takes it\n")
    told = json.loads(said)["error"]
    assert told["code"] == "not_begun"
    assert told["message"] == "No worker has begun often within 0.1 s."
    assert "It stays in the queue ingest until a worker takes it." in told["hint"]


def test_run_waits_for_a_database_that_is_away_for_a_moment_but_not_for_ever(
    cli: Cli, own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Session) -> None:
        raise DatabaseUnreachable("there", "connection refused")

    for act in (away, begins("mine"), away, ends("done", "")):
        own(act)
    code, said, progress = cli("run", "often", "--wait")
    assert (code, said) == (0, "often is done.\n")
    assert progress.count("waiting for the database, which does not answer") == 2
    monkeypatch.setattr(awaiting, "AWAY_S", -1.0)
    own(away)
    assert cli("run", "often", "--wait")[0] == 3


def test_a_run_whose_worker_was_killed_is_lost_and_not_waited_for_for_ever(
    config_dir: Path, beats: Beats
) -> None:
    inbox = config_dir.parent / "media" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "film.mp4").write_text("not whole yet")
    watched = "watch:\n  - {path: ./media/inbox, settle_seconds: 120}\n"
    (config_dir / "pipeline.yml").write_text(watched)
    (config_dir / "schedules.yml").write_text(TWO)
    worker = beats.start("-m", "pipeline.cli", "worker", "notify")
    running = beats.start("-m", "pipeline.cli", "schedules", "run", "often", "--wait")
    running.says("waiting for its end")
    worker.process.kill()
    assert running.ends() == 1
    assert "The worker that did often ended before it did." in running.said()


def _in_a_process(beats: Beats, *arguments: str) -> tuple[int, str]:
    process = beats.start("-m", "pipeline.cli", "schedules", *arguments)
    return process.ends(), process.said()
