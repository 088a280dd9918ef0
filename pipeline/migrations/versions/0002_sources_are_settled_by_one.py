"""Sources are settled by one at a time, and known by place and profile."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

from pipeline.columns import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_known = sa.table(
    "known_files",
    sa.column("key", sa.String()),
    sa.column("path", sa.Text()),
    sa.column("job_id", sa.String()),
)
#: How many keys are given at a time.
_CHUNK = 5000
_jobs = sa.table("jobs", sa.column("id", sa.String()), sa.column("profile", sa.String()))


# Columns are added and dropped in place: where a batch rebuilds the table on SQLite, dropping the
# old one takes along, by its foreign keys, every step and event of every job.


def upgrade() -> None:
    op.add_column("jobs", sa.Column("source_inode", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("settle_owner", sa.String(length=32), nullable=True))
    op.add_column("jobs", sa.Column("settle_until", Instant(), nullable=True))
    _give_keys(with_profile=True)


def downgrade() -> None:
    _give_keys(with_profile=False)
    for name in ("settle_until", "settle_owner", "source_inode"):
        op.drop_column("jobs", name)


def _give_keys(*, with_profile: bool) -> None:
    # A file known under several profiles can keep one row only, going back: it is read again.
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(_known.c.key, _known.c.path, _jobs.c.profile).join(
            _jobs, _jobs.c.id == _known.c.job_id
        )
    ).all()
    kept: dict[str, str] = {}
    doubled = []
    for old, path, profile in rows:
        text = f"{path}\0{profile}" if with_profile else path
        key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        if kept.setdefault(key, old) != old:
            doubled.append({"old": old})
    renamed = [{"old": old, "new": key} for key, old in kept.items() if key != old]
    old_one = _known.c.key == sa.bindparam("old")
    # Many at a time: one by one, a hundred thousand files took minutes.
    for at in range(0, len(doubled), _CHUNK):
        connection.execute(sa.delete(_known).where(old_one), doubled[at : at + _CHUNK])
    for at in range(0, len(renamed), _CHUNK):
        rename = sa.update(_known).where(old_one).values(key=sa.bindparam("new"))
        connection.execute(rename, renamed[at : at + _CHUNK])
