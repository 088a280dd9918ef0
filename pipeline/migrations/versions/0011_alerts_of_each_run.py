"""Which run of its job each alert is about: one that fails again is told of again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OLD, _NEW = "uq_outbox_job_id_event_channel", "uq_outbox_job_id_run_event_channel"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("run", sa.Integer(), server_default="0", nullable=False))
    # A job that goes on has ended in an earlier run, if it has; else its last run is told of.
    op.execute(
        """
        UPDATE outbox SET run = (
            SELECT CASE
                WHEN jobs.state IN ('queued', 'running') AND outbox.event <> 'waiting'
                THEN jobs.run - 1 ELSE jobs.run END
            FROM jobs WHERE jobs.id = outbox.job_id
        )
        WHERE job_id IS NOT NULL
        """
    )
    # The new one first: on MySQL a foreign key needs an index that begins with its column.
    with op.batch_alter_table("outbox") as outbox:
        outbox.create_unique_constraint(_NEW, ["job_id", "run", "event", "channel"])
        outbox.drop_constraint(_OLD, type_="unique")


def downgrade() -> None:
    # Of what was told of several runs, the last is kept.
    op.execute(
        """
        DELETE FROM outbox WHERE id NOT IN (
            SELECT id FROM (
                SELECT MAX(id) AS id FROM outbox
                WHERE job_id IS NOT NULL GROUP BY job_id, event, channel
            ) AS last
        ) AND job_id IS NOT NULL
        """
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.create_unique_constraint(_OLD, ["job_id", "event", "channel"])
        outbox.drop_constraint(_NEW, type_="unique")
    op.drop_column("outbox", "run")
