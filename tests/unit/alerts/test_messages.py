"""What an alert says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.alerts.messages import Message, message_for, trial_message
from pipeline.history.views import ErrorView, JobView, OutputsView, RenditionView, SourceView

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(state: str, path: str = "/inbox/clip.mp4", **wishes: Any) -> JobView:
    facts: dict[str, Any] = {
        "id": "a" * 32,
        "state": state,
        "progress": 1.0,
        "profile": "web",
        "priority": 5,
        "run": 1,
        "source": SourceView(
            path=path,
            original_path=path,
            bytes=1,
            fingerprint="f",
            duration=None,
            width=None,
            height=None,
        ),
        "created_at": BEGAN,
        "started_at": BEGAN,
        "finished_at": BEGAN + timedelta(seconds=75),
        "deadline_at": BEGAN + timedelta(days=1),
        "error": None,
        "steps": [],
        "outputs": None,
    }
    return JobView(**{**facts, **wishes})


def rendition(name: str) -> RenditionView:
    return RenditionView(
        name=name, width=1, height=1, codec="h264", path="p", frames=1, duration=1.0, bytes=1
    )


def outputs(*names: str) -> OutputsView:
    renditions = [rendition(name) for name in names]
    return OutputsView(
        directory="/library/clip-aaaaaaaa", poster=None, hls=None, dash=None, renditions=renditions
    )


def test_a_success_says_what_was_made_and_where_it_is() -> None:
    assert message_for(job("succeeded", outputs=outputs("720p", "480p")), "succeeded") == Message(
        "clip.mp4 is ready",
        "Renditions: 720p, 480p\nResults: /library/clip-aaaaaaaa\nIt took 1 min 15 s.\n"
        f"Source: /inbox/clip.mp4\nJob {'a' * 32}, profile web",
        "success",
    )


def test_a_failure_says_why_and_what_to_do() -> None:
    error = ErrorView(step="probe", code="not_media", message="It is a text.", hint="Give a video.")
    message = message_for(job("failed", error=error), "failed")
    assert message.title == "clip.mp4 failed"
    assert message.body.startswith("It is a text.\nGive a video.\nIt took 1 min 15 s.\nSource: ")


def test_an_error_without_a_hint_leaves_no_empty_line() -> None:
    error = ErrorView(step="probe", code="x", message="It broke.", hint="")
    assert "\n\n" not in message_for(job("expired", error=error), "expired").body


def test_a_job_that_never_started_took_no_time() -> None:
    body = message_for(job("expired", started_at=None), "expired").body
    assert "It took" not in body


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (7385, "2 h 3 min")],
)
def test_the_time_it_took_is_said_in_words(seconds: float, words: str) -> None:
    ended = BEGAN + timedelta(seconds=seconds)
    assert f"It took {words}." in message_for(job("cancelled", finished_at=ended), "cancelled").body


def test_a_late_alert_says_that_the_job_was_run_again() -> None:
    late = message_for(job("running", finished_at=None), "failed")
    assert late.title == "clip.mp4 failed"
    assert late.body.startswith("It was run again since: it is running now.")


def test_a_late_alert_does_not_tell_the_error_of_a_later_run() -> None:
    error = ErrorView(step="probe", code="not_media", message="It is a text.", hint="Give a video.")
    failed = job("failed", run=2, error=error)
    late = message_for(failed, "failed", run=1)
    assert late.body.startswith("It was run again since: it is failed now.\n")
    assert error.message not in late.body
    for run in (0, 2):
        assert message_for(failed, "failed", run).body.startswith(error.message)


def test_a_success_without_renditions_says_so() -> None:
    assert "Renditions: none" in message_for(job("succeeded", outputs=outputs()), "succeeded").body


def test_a_file_name_can_add_no_line_to_a_title() -> None:
    message = message_for(job("failed", "/inbox/a\r\nBcc: all@example.org\x1b[31m.mp4"), "failed")
    assert message.title == "a  Bcc: all@example.org [31m.mp4 failed"
    assert len(message.body.splitlines()) == 3


def test_a_file_name_that_is_no_text_can_be_sent() -> None:
    message = message_for(job("failed", "/inbox/caf\udce9.mp4"), "failed")
    assert message.title == "caf?.mp4 failed"
    message.body.encode("utf-8")


def test_a_trial_names_its_channel() -> None:
    assert "'team'" in trial_message("team").body


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("succeeded", "success"),
        ("failed", "failure"),
        ("expired", "warning"),
        ("cancelled", "warning"),
    ],
)
def test_a_channel_with_colours_shows_how_it_ended(event: str, kind: str) -> None:
    assert message_for(job(event), event).kind == kind
