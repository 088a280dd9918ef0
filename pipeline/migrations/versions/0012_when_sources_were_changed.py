"""When each job's source was last changed in any way (ctime), as of before it was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("source_ctime_ns", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "source_ctime_ns")
