"""Uploads for a profile that is no more lie apart, and are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.history import known
from pipeline.ingest.survey import BATCH
from pipeline.tasks.ingest import scan

if TYPE_CHECKING:
    import pytest

    from tests.integration.web.site import Site


def test_uploads_whose_profile_is_no_more_are_told_of_by_scans_until_it_is_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = site.inbox / ".uploads" / "old"
    apart.mkdir(parents=True)
    assert scan().summary == "0 new jobs"
    (apart / "a.mp4").write_bytes(b"film")
    told = scan().summary
    assert told.startswith(f"0 new jobs; 1 upload waits in {apart}: there is no profile 'old'.")
    entry, profiles = site.ready.settings.pipeline.watch[0], site.ready.settings.profiles
    monkeypatch.setitem(vars(entry), "settle_seconds", 0.1)
    monkeypatch.setitem(profiles, "old", profiles["small"])
    assert scan().facts == {"made": 1, "silent": []}
    monkeypatch.delitem(profiles, "old")
    assert scan().summary == "0 new jobs", "there is a job of it"


def test_many_uploads_without_a_profile_are_looked_up_some_at_a_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = site.inbox / ".uploads" / "old"
    apart.mkdir(parents=True)
    for number in range(BATCH + 1):
        (apart / f"{number}.mp4").touch()
    asked, look_up = list[int](), known.look_up

    def counted(session: Any, keys: Any) -> Any:
        asked.append(len(keys))
        return look_up(session, keys)

    monkeypatch.setattr(known, "look_up", counted)
    assert f"{BATCH + 1} uploads wait in {apart}: " in scan().summary
    assert asked == [BATCH, 1]
