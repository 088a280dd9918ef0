"""Kinds of columns: moments, texts, JSON, words, row ids, and the number that counts jobs.

What MySQL and MariaDB keep otherwise than SQLite and PostgreSQL is said here, once.
"""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    Enum,
    Integer,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT
from sqlalchemy.ext.compiler import compiles

if TYPE_CHECKING:
    from sqlalchemy.engine.default import DefaultExecutionContext
    from sqlalchemy.types import TypeEngine

#: What keeps no zone with a moment: such a column holds UTC.
_ZONELESS = frozenset({"sqlite", "mysql"})
#: The longest name of a file that Linux has is of so many bytes.
NAME_MAX = 255


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, always with its zone in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep microseconds also where moments are whole seconds unless asked."""
        mysql = dialect.name == "mysql"
        return dialect.type_descriptor(DATETIME(fsp=6) if mysql else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse moments without a zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name in _ZONELESS else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _JsonText(TypeDecorator[Any]):
    """JSON as the text that it is.

    MySQL's own type would sort the keys and refuse names that are not UTF-8; MariaDB has none.
    """

    impl = LONGTEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write it down."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read it."""
        return None if value is None else json.loads(value)


Json = JSON().with_variant(_JsonText(), "mysql")
#: `Json`'s empty list as a column's default: an expression, as MySQL asks of texts.
EMPTY_LIST = text("('[]')")
#: Text of any length: MySQL's TEXT ends after 64 KiB, and cuts or refuses what is longer.
LongText = Text().with_variant(LONGTEXT(), "mysql")
#: The name of a file, so short that MySQL can look through an index of them.
FileName = Text().with_variant(String(NAME_MAX), "mysql")
#: A number with its fraction, in full: MySQL's FLOAT has seven digits.
Fraction: Double[float] = Double()


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
    """The next job's `seq`.

    On SQLite one writes at a time, so the largest one tells it; MySQL counts it up by itself.
    """

    inherit_cache = True
    type = BigInteger()


@compiles(NextSeq)
def _from_sequence(_element: NextSeq, _compiler: Any, **_: Any) -> str:
    return "nextval('jobs_seq')"


@compiles(NextSeq, "sqlite")
def _after_the_largest(_element: NextSeq, _compiler: Any, **_: Any) -> str:
    return "(SELECT coalesce(max(seq), 0) + 1 FROM jobs)"


@compiles(NextSeq, "mysql")
def _counted_up(_element: NextSeq, _compiler: Any, **_: Any) -> str:
    return "DEFAULT"


def last_part(context: DefaultExecutionContext) -> str:
    """Give the name of the file whose path the new row has."""
    path: str = context.get_current_parameters()["original_path"]  # type: ignore[no-untyped-call]
    return path.rpartition("/")[2]
