"""Listing: pages, searches and counts, on rows enough to tell whether anything is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import text, update

from pipeline.history import listing, schema, which
from pipeline.history.errors import JobNotFound
from pipeline.history.which import Which
from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.database import Database

NAMES = ("Winter.mp4", "a winter's tale.mov", "100%_done.mkv", 'quo"te.mp4', "Über ß.mp4", "x.mp4")


@pytest.fixture
def named(db: Database, new_job: Callable[..., Job]) -> dict[str, Job]:
    return {name: new_job(source_path=f"/in/some winter/{name}") for name in NAMES}


def found(db: Database, **wishes: object) -> list[str]:
    with db.read() as session:
        views = listing.newest(session, which=Which(**wishes))  # type: ignore[arg-type]
    return [view.name for view in views]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("winter", ["a winter's tale.mov", "Winter.mp4"]),
        ("WINTER'S t", ["a winter's tale.mov"]),
        ("0%_d", ["100%_done.mkv"]),
        ('o"te', ['quo"te.mp4']),
        ("Über", ["Über ß.mp4"]),
        ("x", ["x.mp4"]),
        ("%", ["100%_done.mkv"]),
        ("some", []),
        ("mp4 AND winter", []),
    ],
)
def test_a_part_of_the_name_finds_files_and_never_folders(
    db: Database, named: dict[str, Job], part: str, names: list[str]
) -> None:
    assert found(db, name=part) == names


def test_names_are_found_where_the_database_has_no_index_of_them(
    db: Database, named: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(which, "_has_names", lambda _: False)
    assert found(db, name="winter") == ["a winter's tale.mov", "Winter.mp4"]


@pytest.mark.parametrize("few", [0, 5_000])
def test_wishes_hold_together(
    db: Database, named: dict[str, Job], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(which, "FEW", few)
    with db.begin() as session:
        one = update(Job).where(Job.id == named["Winter.mp4"].id)
        session.execute(one.values(state=JobState.FAILED, profile="mobile"))
    assert found(db, name="winter", state=JobState.FAILED) == ["Winter.mp4"]
    assert found(db, name="winter", profile="web") == ["a winter's tale.mov"]
    assert found(db, name="winter", profile="mobile", state=JobState.QUEUED) == []
    with db.read() as session:
        assert listing.profiles(session) == ["mobile", "web"]
        counts = listing.count(session, Which(name="winter"))
        assert (counts.by_state["failed"], counts.by_state["queued"]) == (1, 1)
        assert listing.count(session, Which(profile="web")).by_state["queued"] == 5


@pytest.mark.parametrize("name", [None, "mp4"])
def test_pages_follow_each_other_without_gap_or_repetition(
    db: Database, new_job: Callable[..., Job], name: str | None
) -> None:
    made = [new_job(source_path=f"/in/{number}.mp4").id for number in range(7)]
    seen: list[str] = []
    asked = Which(name=name)
    while True:
        with db.read() as session:
            page = listing.newest(session, limit=3, which=asked)
            if not page:
                break
            seen += [view.id for view in page]
            new_job(source_path="/in/meanwhile.mp4")
            asked = listing.before(session, page[-1].id, Which(name=name))
    assert seen == made[::-1]


def test_a_page_after_a_job_that_is_not_there_says_so(db: Database) -> None:
    with db.read() as session, pytest.raises(JobNotFound, match="no job"):
        listing.before(session, "abcdef")


def test_counts_end_where_counting_would_take_long(
    db: Database, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "COUNTED", 2)
    monkeypatch.setattr(listing, "COUNTED_OF_A_KIND", 2)
    for _ in range(3):
        new_job()
    with db.read() as session:
        counts = listing.count(session)
        assert counts.shown("queued") == counts.shown() == "2+"
        assert counts.shown("failed") == "0"
        assert listing.count(session, Which(profile="web")).shown("queued") == "3+"
        assert listing.count_exactly(session)["queued"] == 3


def test_the_jobs_of_an_earlier_release_keep_their_order_and_are_found(
    db: Database, named: dict[str, Job], new_job: Callable[..., Job]
) -> None:
    command.downgrade(schema._config(db), "0003")
    schema.upgrade(db)
    new_job(source_path="/in/newest winter.mp4")
    assert found(db)[::-1] == [*NAMES, "newest winter.mp4"]
    assert found(db, name="winter") == ["newest winter.mp4", "a winter's tale.mov", "Winter.mp4"]


def test_a_job_that_is_deleted_is_found_no_more(db: Database, named: dict[str, Job]) -> None:
    with db.begin() as session:
        session.execute(text("DELETE FROM jobs WHERE file_name = 'Winter.mp4'"))
    assert found(db, name="winter") == ["a winter's tale.mov"]


def test_a_search_is_by_the_index_of_names(db: Database, named: dict[str, Job]) -> None:
    with db.read() as session:
        kind = session.get_bind().dialect.name
        query = Which(name="Winter").newest(session, Job.seq).limit(50)
        said = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
        if kind == "postgresql":
            # Of six rows all are read faster.
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_indexscan = off"))
        asked = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
        plan = session.connection().exec_driver_sql(f"{asked} {said}").all()
    index = {
        "sqlite": "job_names VIRTUAL TABLE INDEX",
        "postgresql": "ix_jobs_file_name_trigrams",
        "mysql": "ix_jobs_seq_file_name",
    }
    assert index[kind] in str(plan)
