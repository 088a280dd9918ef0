"""The library is decoded again, and rot is told: on the job, and once to whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.alerts.messages import message_for
from pipeline.app import app
from pipeline.history import jobs
from pipeline.history.database import now
from pipeline.media import health as media_health
from pipeline.media.errors import TransientMediaError
from pipeline.media.process import run
from pipeline.models import Job, OutboxRow
from pipeline.settings.notifications import Channel, Notifications
from pipeline.tasks.health import check_results, health
from tests.integration.tasks.journeys import do, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pipeline.app import Runtime
    from pipeline.history.views import JobView


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def keep(name: str, args: Any = (), **options: Any) -> None:
        found.append((name, (args, options)))

    monkeypatch.setattr(app, "send_task", keep)
    return found


@pytest.fixture
def published(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    sent: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Job:
    """A job of a real clip that succeeded, and a channel that hears of damage."""
    heard = {"hook": Channel.model_validate({"url": "json://localhost", "on": ["damaged"]})}
    changed = replace(ready.settings, notifications=Notifications(channels=heard))
    monkeypatch.setitem(ready.__dict__, "settings", changed)
    job = submitted(tmp_path / "clip.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition", "manifest"):
        do(ready, job, kind)
    sent.clear()
    return job


def view(ready: Runtime, job: Job) -> JobView:
    with ready.db.read() as session:
        return jobs.view(session, job.id)


def check(ready: Runtime, job: Job) -> str:
    with ready.db.read() as session:
        asked_at = now(session)
    return str(check_results(job.id, asked_at.isoformat()))


def owed(ready: Runtime) -> list[str]:
    with ready.db.read() as session:
        return list(session.scalars(select(OutboxRow.event)))


def folder_of(ready: Runtime, job: Job) -> Path:
    outputs = view(ready, job).outputs
    assert outputs is not None
    return Path(outputs.directory)


def rot(path: Path, share: float = 0.6) -> bytes:
    """Turn some bytes of a file into others; gives what it held."""
    whole = path.read_bytes()
    at = int(len(whole) * share)
    path.write_bytes(
        whole[:at] + bytes(255 - byte for byte in whole[at : at + 400]) + whole[at + 400 :]
    )
    return whole


def test_whole_results_are_found_to_be_whole_and_rot_is_told_once(
    ready: Runtime, published: Job, sent: list[tuple[str, Any]]
) -> None:
    assert check(ready, published) == "whole"
    assert view(ready, published).damage is None
    assert view(ready, published).checked_at is not None
    folder = folder_of(ready, published)
    mp4 = next((folder / "mp4").glob("*.mp4"))
    segment = sorted((folder / "stream").rglob("*.m4s"))[-1]
    healthy = {path: rot(path) for path in (mp4, segment)}
    assert check(ready, published) == "damaged"
    damage = view(ready, published).damage
    assert damage is not None
    assert any(line.startswith(f"mp4/{mp4.name} ") for line in damage)
    assert any(line.startswith("stream/") for line in damage)
    assert [name for name, _ in sent] == ["pipeline.notify"]
    assert check(ready, published) == "damaged"
    assert owed(ready) == ["damaged"]
    message = message_for(view(ready, published), "damaged")
    assert message.title == "clip.mp4 is damaged in the library"
    assert damage[0] in message.body
    assert "--force" in message.body
    for path, content in healthy.items():
        path.write_bytes(content)
    assert check(ready, published) == "whole"
    assert view(ready, published).damage is None
    segment.unlink()
    assert check(ready, published) == "damaged"
    assert owed(ready) == ["damaged"]


@pytest.mark.parametrize("word", ["mp4/", "concatf:"])
def test_a_decoder_that_somebody_kills_tells_of_no_damage(
    ready: Runtime, published: Job, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """Neither while a file is decoded nor while the segments of a stream are."""

    def run_killed(argv: Any, **how: Any) -> Any:
        if word in " ".join(argv):
            raise TransientMediaError("killed", "ffmpeg was killed by signal 9.")
        return run(argv, **how)

    monkeypatch.setattr(media_health, "run", run_killed)
    with pytest.raises(TransientMediaError, match="was killed"):
        check(ready, published)
    assert view(ready, published).checked_at is None
    assert view(ready, published).damage is None
    assert owed(ready) == []


def test_what_is_gone_or_empty_is_damage(ready: Runtime, published: Job) -> None:
    folder = folder_of(ready, published)
    with next((folder / "mp4").glob("*.mp4")).open("ab") as file:
        file.write(b"\0" * 8)  # the decoder does not mind
    assert check(ready, published) == "damaged"
    changed = " ".join(view(ready, published).damage or ())
    assert changed.startswith("mp4/")
    assert "is changed: " in changed
    with next((folder / "mp4").glob("*.mp4")).open("r+b") as file:
        file.truncate(file.seek(0, 2) - 8)
    (folder / "poster.jpg").write_bytes(b"")
    assert check(ready, published) == "damaged"
    assert view(ready, published).damage == ["poster.jpg is empty"]
    folder.rename(folder.with_name("elsewhere"))
    assert check(ready, published) == "damaged"
    assert view(ready, published).damage == [f"the folder {folder} is gone"]


def test_a_library_that_is_away_is_no_damage(ready: Runtime, published: Job) -> None:
    library = ready.settings.pipeline.paths.library
    library.rename(library.with_name("away"))
    assert check(ready, published) == "the library is not there"
    assert view(ready, published).checked_at is None


def test_the_schedule_asks_for_those_not_checked_for_longest_and_everything_else_goes_first(
    ready: Runtime, published: Job, sent: list[tuple[str, Any]], new_job: Callable[..., Job]
) -> None:
    new_job()  # it has no results yet
    told = health()
    assert (told.facts["sent"], told.facts["results"], told.facts["checked"]) == (1, 1, 0)
    ((name, (arguments, options)),) = sent
    assert (name, arguments[0], options["queue"]) == (
        *("pipeline.check_results", published.id),
        "check",
    )
    assert check_results(*arguments) == "whole"
    # The same message again, or a late one, does nothing.
    assert check_results(*arguments) == "checked before, or gone"
    assert health().facts["sent"] == 0
    with ready.db.begin() as session:
        long_ago = now(session) - timedelta(days=31)
        session.execute(update(Job).values(checked_at=long_ago))
    assert health(profiles=("other",)).facts["sent"] == 0
    assert health().facts["sent"] == 1
    assert health(recheck="60d").facts["sent"] == 0


def test_outside_the_hours_of_heavy_work_nothing_is_decoded(
    ready: Runtime, published: Job, hours: Callable[[int], datetime]
) -> None:
    hours(3)
    assert check(ready, published) == "left to the hours of heavy work"
