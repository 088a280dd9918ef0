"""`reelworks jobs | show | retry | cancel | logs`: words for people, JSON for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline import workflows
from pipeline.errors import ReelworksError
from pipeline.history import jobs, steps
from pipeline.history.steps import Claim
from pipeline.models import JobState
from tests.integration.history.taking import planned, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job
    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]

HOSTILE = "/in/[red]a\x1b[2Jb\nc\u202ed.mp4"
SAFE = "[red]a\\x1b[2Jb\\nc\\u202ed.mp4"


def claimed(ready: Runtime, job: Job) -> Claim:
    with ready.db.begin() as session:
        claim = steps.claim(session, job.id, ["probe"], owner="node/1/task", limit=3)
        assert isinstance(claim, Claim)
        return claim


def fail(ready: Runtime, job: Job, log: str) -> None:
    claim = claimed(ready, job)
    error = ReelworksError("broken", "It broke.", "Mend it.")
    with ready.db.begin() as session:
        steps.fail(session, claim, error, retry_in=None, log=log)
        jobs.end(session, job.id, JobState.FAILED, error=error, step="probe")


@pytest.mark.parametrize("verb", ["jobs", "show", "logs", "cancel"])
def test_a_hostile_name_reaches_no_terminal(
    reelworks: Reelworks, new_job: Callable[..., Job], verb: str
) -> None:
    job = new_job(source_path=HOSTILE)
    said = reelworks(verb, *([] if verb == "jobs" else [job.id]))
    assert said.status == 0
    assert SAFE in said.out
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out


def test_what_the_sidecar_says_is_shown(reelworks: Reelworks, new_job: Callable[..., Job]) -> None:
    job = new_job(title="The [b]harbour", language="deu", tags={"artist": "A. Camera"})
    said = reelworks("show", job.id).out
    assert "title: The [b]harbour\nlanguage: deu\nartist: A. Camera\n" in said


def test_a_job_of_which_no_step_runs_is_shown_as_waiting(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    claim = claimed(ready, job)
    assert "running" in reelworks("jobs").out
    with ready.db.begin() as session:
        steps.release(session, claim)
    assert "running, waiting" in reelworks("jobs", "--state", "running").out
    assert "running, waiting" in reelworks("show", job.id).out
    (told,) = reelworks("jobs", "--json").objects()
    assert told["state"] == "running"


def test_a_job_that_has_ended_waits_for_nothing(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    assert "waiting" in reelworks("show", job.id).out
    fail(ready, job, "moov atom not found")
    said = reelworks("show", job.id).out
    assert "waiting" not in said
    assert [line.split()[:3] for line in said.splitlines() if "not done" in line] == [
        ["thumbnail", "not", "done"],
        ["manifest", "not", "done"],
    ]
    assert " took 0." in said


def test_why_steps_are_tried_again_is_told_once_and_only_while_they_wait(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    names = ("rendition:720p", "rendition:480p")
    job = planned(ready.db, new_job(), *names)
    claim = take(ready.db, job.id, *names)
    full = ReelworksError("no_space", "It needs about 9,000 bytes in /[b]out.", "Free some space.")
    with ready.db.begin() as session:
        steps.fail(session, claim, full, retry_in=timedelta(0), log="", uncount=True)
    said = reelworks("show", job.id).out
    assert said.count("It needs about 9,000 bytes in /[b]out. Again at 2") == 1
    take(ready.db, job.id, *names)
    assert "It needs" not in reelworks("show", job.id).out


def test_the_log_shows_tools_of_failed_attempts_and_of_all_when_asked(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    fail(ready, job, "moov atom\nnot found\x07")
    said = reelworks("logs", job.id)
    assert said.out.endswith("--- probe, attempt 1: failed\nmoov atom\nnot found\\x07\n")
    fine = new_job()
    claim = claimed(ready, fine)
    with ready.db.begin() as session, steps.publishing(session, claim, log="all is well"):
        pass
    assert "all is well" not in reelworks("logs", fine.id).out
    assert "all is well" in reelworks("logs", fine.id, "--tools").out


def test_what_a_tool_said_of_several_steps_is_printed_once(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = planned(ready.db, new_job(), "rendition:720p", "rendition:480p")
    claim = take(ready.db, job.id, "rendition:720p", "rendition:480p")
    error = ReelworksError("damaged", "It is damaged.")
    with ready.db.begin() as session:
        steps.fail(session, claim, error, retry_in=None, log="bad\n" * 6)
    said = reelworks("logs", job.id).out
    assert said.count("It is damaged.") == 1
    assert "rendition:720p, rendition:480p: It is damaged.\n" in said
    head = "--- rendition:720p, rendition:480p, attempt 1: failed"
    assert said.endswith(f"\n\n{head}\nbad (6 times)\n")
    told = [one["step"] for one in reelworks("logs", job.id, "--json").objects() if "step" in one]
    assert told == ["rendition:720p", "rendition:480p"]


def test_the_log_as_json_is_its_events_and_then_its_attempts(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    fail(ready, job, "moov atom not found")
    *events, attempt = reelworks("logs", job.id, "--json").objects()
    assert [event["kind"] for event in events] == ["found", "step_started", "step_failed", "failed"]
    assert (attempt["step"], attempt["outcome"]) == ("probe", "failed")
    assert attempt["log"] == "moov atom not found"


def test_retry_and_cancel_tell_programs_the_job(
    reelworks: Reelworks,
    ready: Runtime,
    new_job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def launch(job_id: str) -> None:
        with ready.db.begin() as session:
            jobs.mark_published(session, job_id)

    monkeypatch.setattr(workflows, "launch", launch)
    job = new_job(profile="quick")
    (cancelled,) = reelworks("cancel", job.id, "--json").objects()
    assert (cancelled["id"], cancelled["state"]) == (job.id, "cancelled")
    (queued,) = reelworks("retry", job.id, "--json").objects()
    assert (queued["state"], queued["run"]) == ("queued", 2)


def test_what_can_not_be_done_to_a_job_says_what_can(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job(profile="quick")
    said = reelworks("retry", job.id)
    assert said.status == 1
    assert f"error: Job {job.id[:8]} is still queued.\nhint: `reelworks cancel" in said.err
    reelworks("cancel", job.id)
    assert "has ended already: it was cancelled." in reelworks("cancel", job.id).err
    with ready.db.begin() as session:
        jobs.reopen(session, job.id, timedelta(hours=1), afresh=True)
        jobs.end(session, job.id, JobState.SUCCEEDED)
    assert "has ended already: it succeeded." in reelworks("cancel", job.id).err


@pytest.mark.parametrize("verb", ["show", "retry", "cancel", "logs"])
def test_without_an_id_it_is_said_that_one_is_needed(reelworks: Reelworks, verb: str) -> None:
    said = reelworks(verb, "")
    assert said.status == 2
    assert "A job's id is needed." in said.err


def test_errors_for_programs_are_one_object(reelworks: Reelworks) -> None:
    said = reelworks("show", "nothing", "--json")
    (told,) = said.objects()
    assert (said.status, told["error"]["code"], said.err) == (2, "no_such_job", "")
    said = reelworks("jobs", "--json", "--limit", "0")
    (told,) = said.objects()
    assert (said.status, told["error"]["code"], said.err) == (2, "usage", "")
    assert "--limit" in told["error"]["message"]


def test_the_configuration_can_be_named_after_the_verb(
    reelworks: Reelworks, ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    folder = str(ready.settings.config_dir)
    for words in (
        ("--config", folder, "jobs", "--json"),
        ("jobs", "--json", "--config", folder),
        ("config", "check", "--config", folder),
    ):
        assert reelworks(*words).status == 0
    said = reelworks("config", "check", "--config", f"{folder}/nowhere")
    assert said.status == 2
    assert "is not there" in said.err
    assert job.id in reelworks("jobs", "--json", "--config", folder).out


def test_the_list_of_verbs_cuts_no_sentence_off(reelworks: Reelworks) -> None:
    said = reelworks("--help")
    assert "..." not in said.out.partition("Commands:")[2]
    assert "Run everything in the foreground: broker, workers, beat" in " ".join(said.out.split())
