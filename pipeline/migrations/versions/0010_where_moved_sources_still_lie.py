"""Where a source that was moved is still to be taken away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.columns import Json

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("leaving", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "leaving")
