"""Kinds of columns: moments, words, row ids, and the number that counts jobs."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, Dialect, Enum, Integer, TypeDecorator
from sqlalchemy.ext.compiler import compiles

if TYPE_CHECKING:
    from sqlalchemy.engine.default import DefaultExecutionContext


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, always with its zone in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse moments without a zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def words(kind: type[enum.StrEnum]) -> Enum:
    """Keep an enumeration as its words: readable in any client, and free to grow."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


#: Row ids that grow without end; SQLite only counts up in an INTEGER primary key.
RowId = BigInteger().with_variant(Integer(), "sqlite")


class NextSeq(ColumnElement[int]):
    """The next job's `seq`. On SQLite one writes at a time, so the largest one tells it."""

    inherit_cache = True
    type = BigInteger()


@compiles(NextSeq)
def _from_sequence(_element: NextSeq, _compiler: Any, **_: Any) -> str:
    return "nextval('jobs_seq')"


@compiles(NextSeq, "sqlite")
def _after_the_largest(_element: NextSeq, _compiler: Any, **_: Any) -> str:
    return "(SELECT coalesce(max(seq), 0) + 1 FROM jobs)"


def last_part(context: DefaultExecutionContext) -> str:
    """Give the name of the file whose path the new row has."""
    path: str = context.get_current_parameters()["original_path"]  # type: ignore[no-untyped-call]
    return path.rpartition("/")[2]
