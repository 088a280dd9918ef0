"""Run migrations on the engine `pipeline.history.schema` hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from pipeline.migrations import resuming  # noqa: F401 - MySQL's statements go through it
from pipeline.models import Base

if TYPE_CHECKING:
    from sqlalchemy import Engine

engine: Engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite can't alter a column in place: Alembic rebuilds the table instead.
        render_as_batch=True,
        # The scheduler's own tables live in the same database and are not ours to compare.
        include_name=lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
