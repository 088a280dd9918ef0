"""Who does the last run of each row of beat, and whether that worker is still there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.columns import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule_runs", sa.Column("owner", sa.String(length=255), nullable=True))
    op.add_column("schedule_runs", sa.Column("lease_until", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("schedule_runs", "lease_until")
    op.drop_column("schedule_runs", "owner")
