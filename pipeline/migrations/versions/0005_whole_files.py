"""What sidecars say, jobs that wait for their source, and files that are still changing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.columns import Instant, Json, LongText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("title", LongText, nullable=True))
    op.add_column("jobs", sa.Column("language", sa.String(length=35), nullable=True))
    op.add_column("jobs", sa.Column("tags", Json, nullable=True))
    op.add_column("jobs", sa.Column("held_at", Instant(), nullable=True))
    op.add_column(
        "known_files",
        sa.Column("sidecar", sa.String(length=64), server_default="", nullable=False),
    )
    op.create_index(op.f("ix_known_files_job_id"), "known_files", ["job_id"])
    op.create_table(
        "sightings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("path", LongText, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sightings")),
    )


def downgrade() -> None:
    op.drop_table("sightings")
    if op.get_bind().dialect.name != "mysql":  # there the foreign key needs it
        op.drop_index(op.f("ix_known_files_job_id"), table_name="known_files")
    op.drop_column("known_files", "sidecar")
    for column in ("held_at", "tags", "language", "title"):
        op.drop_column("jobs", column)
