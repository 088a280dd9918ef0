"""What became of what ran by the clock, and which jobs wait for their hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.columns import Instant, Json, LongText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("waits_until", Instant(), nullable=True))
    op.add_column("jobs", sa.Column("outputs_removed_at", Instant(), nullable=True))
    op.add_column("jobs", sa.Column("checked_at", Instant(), nullable=True))
    op.add_column("jobs", sa.Column("damage", LongText, nullable=True))
    op.add_column("outbox", sa.Column("message", Json, nullable=True))
    # No other table refers to this one: building it anew on SQLite takes nothing along.
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("job_id", existing_type=sa.String(length=32), nullable=True)
    op.create_table(
        "schedule_runs",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("summary", LongText, nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule_runs")),
    )


def downgrade() -> None:
    op.drop_table("schedule_runs")
    op.execute("DELETE FROM outbox WHERE job_id IS NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("job_id", existing_type=sa.String(length=32), nullable=False)
    op.drop_column("outbox", "message")
    op.drop_column("jobs", "damage")
    op.drop_column("jobs", "checked_at")
    op.drop_column("jobs", "outputs_removed_at")
    op.drop_column("jobs", "waits_until")
