"""Which jobs to list: those whose file is named so, those of one profile, those older than one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, select, table, text
from sqlalchemy.orm import aliased
from sqlalchemy.sql import column

from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

#: A search by three letters or more is by trigrams, where the database has them.
TRIGRAM = 3
#: A shorter one, and any where it has none on SQLite, looks at so many of the newest jobs.
NEWEST = 50_000
#: Of a state that so few jobs are in, all names are read: that is faster than to go through all
#: jobs that are named so.
FEW = 5_000

_names = table("job_names", column("rowid"), column("job_names"))


@dataclass(frozen=True)
class Which:
    """What is asked for; None asks for nothing in particular.

    `name` is a part of the name the file was found with, in capitals or not; `profile` a profile;
    `before` a job's `seq`: only those made before it.
    """

    name: str | None = None
    profile: str | None = None
    state: JobState | None = None
    before: int | None = None

    def newest(self, session: Session, *columns: Any) -> Select[Any]:
        """Select `columns` of the jobs asked for, newest first."""
        query = select(*columns)
        if self.state is not None:
            query = query.where(Job.state == self.state)
        if self.profile is not None:
            query = query.where(Job.profile == self.profile)
        if self.before is not None:
            query = query.where(Job.seq < self.before)
        if self.name is None:
            return query.order_by(Job.seq.desc())
        if self._by_trigrams(session):
            return _named(query, self.name)
        if self._by_names(session):
            return _walked(query, self.name)
        return query.where(self._read_names(session)).order_by(Job.seq.desc())

    def _by_trigrams(self, session: Session) -> bool:
        """Whether SQLite's index of names is to be asked; PostgreSQL decides that itself."""
        if session.get_bind().dialect.name != "sqlite" or len(self.name or "") < TRIGRAM:
            return False
        return not self._are_few(session) and _has_names(session)

    def _by_names(self, session: Session) -> bool:
        """Whether MySQL is to walk through its index of all names."""
        return session.get_bind().dialect.name == "mysql" and not self._are_few(session)

    def _are_few(self, session: Session) -> bool:
        return self.state is not None and _at_most(session, self.state, FEW)

    def _read_names(self, session: Session) -> ColumnElement[bool]:
        named = _has(Job.file_name, self.name or "")
        sqlite = session.get_bind().dialect.name == "sqlite"
        if (sqlite and self.state is None) or len(self.name or "") < TRIGRAM:
            newest = select(func.max(Job.seq)).scalar_subquery()
            return named & (Job.seq > newest - NEWEST)
        return named


ALL = Which()


def _pattern(part: str) -> str:
    """Write LIKE's pattern of what has `part` in it, with `/` before its own signs."""
    for sign in "/%_":
        part = part.replace(sign, f"/{sign}")
    return f"%{part}%"


def _has(name: ColumnElement[str] | InstrumentedAttribute[str], part: str) -> ColumnElement[bool]:
    # PostgreSQL's index is of lower names, so ILIKE does not use it.
    return func.lower(name).like(func.lower(_pattern(part)), escape="/")


def _walked(query: Select[Any], name: str) -> Select[Any]:
    # From the end of the index of numbers and names, no further than the limit: of jobs that are
    # named otherwise nothing else is read. Left to itself MySQL reads the whole row of each.
    names = aliased(Job, name="names")
    return (
        query.join_from(names, Job, Job.seq == names.seq)
        .where(_has(names.file_name, name))
        .order_by(names.seq.desc())
        .with_hint(names, "FORCE INDEX (ix_jobs_seq_file_name)", "mysql")
        .prefix_with("STRAIGHT_JOIN")
    )


def _named(query: Select[Any], name: str) -> Select[Any]:
    # A phrase in quotes is a substring to the trigram tokenizer. By the index's own row number,
    # descending, it is walked from its end and no further than the limit.
    phrase = '"' + name.replace('"', '""') + '"'
    matches = literal_column("job_names").op("MATCH")(phrase)
    return (
        query.join_from(_names, Job, Job.seq == _names.c.rowid)
        .where(matches)
        .order_by(_names.c.rowid.desc())
    )


def _has_names(session: Session) -> bool:
    found = "SELECT 1 FROM sqlite_master WHERE name = 'job_names'"
    return session.execute(text(found)).first() is not None


def _at_most(session: Session, state: JobState, limit: int) -> bool:
    some = select(Job.seq).where(Job.state == state).limit(limit + 1).subquery()
    counted = session.scalar(select(func.count()).select_from(some))
    return (counted or 0) <= limit
