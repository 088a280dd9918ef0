"""Which tags workers have, and which jobs ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.columns import EMPTY_LIST, Instant, Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("tags", Json, nullable=False, server_default=EMPTY_LIST))
    op.add_column("jobs", sa.Column("needs", sa.String(length=32), nullable=True))
    op.add_column("jobs", sa.Column("tag", sa.String(length=32), nullable=True))
    op.add_column("jobs", sa.Column("lacking_since", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "lacking_since")
    op.drop_column("jobs", "tag")
    op.drop_column("jobs", "needs")
    op.drop_column("workers", "tags")
