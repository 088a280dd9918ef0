"""What is awaited of a run that was sent by hand, and when that is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import ReelworksError
from pipeline.history.schedule_runs import Outcome, Result
from pipeline.scheduler.awaiting import LOST_S, PASSED_S, Sent, Stage, Wait

AT = datetime(2026, 3, 1, tzinfo=UTC)
WITHIN_S = 300.0
SENT = Sent("mine", AT + timedelta(seconds=1))


def row(outcome: Outcome, task_id: str = "mine") -> Result:
    ended = AT if outcome in (Outcome.DONE, Outcome.FAILED) else None
    return Result(task_id, AT, ended, outcome.value, "", {})


MINE, LOST = row(Outcome.RUNNING), row(Outcome.LOST)
EARLIER = row(Outcome.DONE, "another")


def since(outcome: Outcome, task_id: str = "another") -> Result:
    """Another run of the row, begun after ours was sent."""
    return replace(row(outcome, task_id), started_at=AT + timedelta(seconds=2))


PASSED = since(Outcome.DONE)


@pytest.mark.parametrize(
    ("seen", "stage"),
    [
        ([(0, None)], Stage.TAKEN),
        ([(0, EARLIER), (WITHIN_S - 1, EARLIER)], Stage.TAKEN),
        # What runs when it is sent is another run of the row: ours comes after it.
        ([(0, row(Outcome.RUNNING, "another"))], Stage.TAKEN),
        # So may one that a worker took first, as it lay before ours in the queue.
        ([(0, since(Outcome.RUNNING)), (WITHIN_S - 1, since(Outcome.RUNNING))], Stage.TAKEN),
        ([(0, PASSED), (PASSED_S - 1, PASSED)], Stage.TAKEN),
        ([(0, PASSED), (9, since(Outcome.DONE, "third")), (PASSED_S + 8, PASSED)], Stage.TAKEN),
        ([(0, PASSED), (PASSED_S - 1, MINE)], Stage.ENDED),
        ([(0, None), (1, MINE), (WITHIN_S * 20, MINE)], Stage.ENDED),
        ([(0, MINE), (100, LOST), (100 + LOST_S - 1, LOST)], Stage.FOUND),
        # Its message came back, and somebody took it; then it is lost once more.
        ([(0, LOST), (LOST_S - 1, MINE), (LOST_S + 1, LOST), (2 * LOST_S, LOST)], Stage.FOUND),
    ],
)
def test_it_is_waited_on(seen: list[tuple[float, Result | None]], stage: Stage) -> None:
    wait = Wait("nightly", "ingest", SENT, WITHIN_S)
    for at_s, found in seen:
        assert wait.see(found, at_s) is None
    assert wait.stage is stage


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED])
@pytest.mark.parametrize("before", [None, EARLIER, MINE, LOST])
def test_its_end_is_given(before: Result | None, outcome: Outcome) -> None:
    wait = Wait("nightly", "ingest", SENT, WITHIN_S)
    assert wait.see(before, 0) is None
    assert wait.see(row(outcome), WITHIN_S * 20) == row(outcome)


@pytest.mark.parametrize(
    ("seen", "code", "message", "hint"),
    [
        ([(WITHIN_S, None)], "not_begun", "No worker has begun nightly within 300 s.", "ingest"),
        ([(0, EARLIER), (WITHIN_S, EARLIER)], "not_begun", "No worker", "--begin-within"),
        (
            [(0, MINE), (1, row(Outcome.RUNNING, "later"))],
            "superseded",
            "A later run of nightly began before this one had ended",
            "what came of the later one",
        ),
        ([(0, LOST), (1, row(Outcome.DONE, "later"))], "superseded", "A later run", "later one"),
        *(
            (seen, "superseded", "Another run of nightly began after this one", "queue ingest")
            for seen in (
                [(0, None), (1, PASSED), (1 + PASSED_S, PASSED)],
                [(0, since(Outcome.LOST)), (PASSED_S, since(Outcome.LOST))],
                [(WITHIN_S, since(Outcome.RUNNING))],
            )
        ),
        (
            [(0, MINE), (5, LOST), (5 + LOST_S, LOST)],
            "worker_lost",
            "The worker that did nightly ended before it did.",
            "run it again",
        ),
    ],
)
def test_it_is_given_up_with_what_to_do(
    seen: list[tuple[float, Result | None]], code: str, message: str, hint: str
) -> None:
    wait = Wait("nightly", "ingest", SENT, WITHIN_S)
    *before, (at_s, last) = seen
    for moment, found in before:
        assert wait.see(found, moment) is None
    with pytest.raises(ReelworksError) as given_up:
        wait.see(last, at_s)
    assert given_up.value.code == code
    assert message in given_up.value.message
    assert hint in given_up.value.hint
