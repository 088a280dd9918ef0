"""What is on the disk when a transaction has ended: all of it where somebody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from pipeline.history.database import Database

#: What SQLite says of how it flushes: at each checkpoint, or each transaction.
NORMAL, FULL = 1, 2


def test_a_durable_transaction_is_flushed_and_the_next_one_is_quick_again(db: Database) -> None:
    if db.url.get_backend_name() != "sqlite":
        # A server flushes every transaction: there is nothing to ask for.
        with db.begin(durable=True) as session:
            assert session.scalar(text("SELECT 1")) == 1
        return
    asked = text("PRAGMA synchronous")
    with db.begin() as session:
        assert session.scalar(asked) == NORMAL
    with db.begin(durable=True) as session:
        assert session.scalar(asked) == FULL
    with db.begin() as session:
        assert session.scalar(asked) == NORMAL
