"""What became of each job's source, as far as earlier versions wrote it down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LEFT = "SELECT 1 FROM events WHERE events.job_id = jobs.id AND events.kind = 'source_left'"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("source_fate", sa.String(length=16), nullable=True))
    # Of those that were to stay nobody looked whether they did: that stays unknown.
    op.execute(
        f"""
        UPDATE jobs SET source_fate = CASE
            WHEN source_path <> original_path THEN 'moved'
            WHEN EXISTS ({_LEFT} AND events.message LIKE '% is gone') THEN 'gone'
            WHEN EXISTS ({_LEFT}) THEN 'replaced'
            WHEN state = 'succeeded' AND on_success = 'delete' THEN 'deleted'
        END
        WHERE settled_at IS NOT NULL
        """  # noqa: S608 - all of it is written here
    )


def downgrade() -> None:
    op.drop_column("jobs", "source_fate")
