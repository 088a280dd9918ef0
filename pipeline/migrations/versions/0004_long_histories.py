"""Long histories: jobs are counted, and found by number, name and what they owe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

from pipeline.columns import FileName

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: The name is what follows the last slash of the path; the order is that in which jobs were made.
_FILL = (
    "UPDATE jobs SET seq = place, file_name = "
    "substr(original_path, length(rtrim(original_path, replace(original_path, '/', ''))) + 1) "
    "FROM (SELECT id AS of_id, row_number() OVER (ORDER BY created_at, id) AS place FROM jobs) "
    "AS ordered WHERE of_id = jobs.id"
)
#: The same in MySQL's words.
_FILL_MYSQL = (
    "UPDATE jobs JOIN (SELECT id AS of_id, row_number() OVER (ORDER BY created_at, id) AS place "
    "FROM jobs) AS ordered ON of_id = jobs.id "
    "SET seq = place, file_name = substring_index(original_path, '/', -1)"
)
_OWED = sa.text("settled_at IS NULL")
#: SQLite's full-text search for any part of a name (SQLite, "The Trigram Tokenizer"); the names
#: themselves stay in the jobs.
_SEARCH_SQLITE = (
    "CREATE VIRTUAL TABLE job_names USING fts5("
    "file_name, content='jobs', content_rowid='seq', tokenize='trigram')",
    "INSERT INTO job_names(rowid, file_name) SELECT seq, file_name FROM jobs",
    "CREATE TRIGGER job_named AFTER INSERT ON jobs BEGIN "
    "INSERT INTO job_names(rowid, file_name) VALUES (new.seq, new.file_name); END",
    "CREATE TRIGGER job_forgotten AFTER DELETE ON jobs BEGIN "
    "INSERT INTO job_names(job_names, rowid, file_name) "
    "VALUES ('delete', old.seq, old.file_name); END",
)
#: PostgreSQL's (pg_trgm, "Index Support"): the extension is among the contributed modules, and its
#: maker must own the database.
_SEARCH_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX ix_jobs_file_name_trigrams ON jobs USING gin (lower(file_name) gin_trgm_ops)",
)
#: MySQL has no such index; but it looks through all names in this one, and at nothing else.
_NAMES_MYSQL = "ix_jobs_seq_file_name"


def upgrade() -> None:
    if op.get_bind().dialect.name == "mysql":
        _upgrade_mysql()
        return
    sqlite = op.get_bind().dialect.name == "sqlite"
    # With a default, since SQLite can't forbid NULL in a column that is there already.
    for column in (sa.Column("seq", sa.BigInteger()), sa.Column("file_name", sa.Text())):
        column.nullable, column.server_default = False, sa.DefaultClause("0")
        op.add_column("jobs", column)
    op.execute(_FILL)
    if not sqlite:
        op.alter_column("jobs", "seq", server_default=None)
        op.alter_column("jobs", "file_name", server_default=None)
        op.execute("CREATE SEQUENCE jobs_seq OWNED BY jobs.seq")
        op.execute("SELECT setval('jobs_seq', (SELECT coalesce(max(seq), 0) + 1 FROM jobs), false)")
    op.create_index("ix_jobs_seq", "jobs", ["seq"], unique=True)
    _index()
    _try(_SEARCH_SQLITE if sqlite else _SEARCH_POSTGRESQL)


def _upgrade_mysql() -> None:
    op.add_column("jobs", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("file_name", FileName, nullable=True))
    op.execute(_FILL_MYSQL)
    # What counts up by itself must have an index at once.
    op.execute(
        "ALTER TABLE jobs MODIFY seq BIGINT NOT NULL AUTO_INCREMENT, "
        "ADD UNIQUE INDEX ix_jobs_seq (seq)"
    )
    op.alter_column("jobs", "file_name", existing_type=FileName, nullable=False)
    _index()
    # It has no index of some rows only: those that are owed are together at the beginning of this.
    op.create_index("ix_jobs_settled_at_finished_at", "jobs", ["settled_at", "finished_at"])
    op.create_index(_NAMES_MYSQL, "jobs", ["seq", "file_name"])


def _index() -> None:
    op.create_index("ix_jobs_state_seq", "jobs", ["state", "seq"])
    op.create_index("ix_jobs_profile_seq", "jobs", ["profile", "seq"])
    op.create_index(
        "ix_jobs_unsettled",
        "jobs",
        ["finished_at"],
        sqlite_where=_OWED,
        postgresql_where=_OWED,
    )
    op.drop_index("ix_jobs_state_created_at", table_name="jobs")


def _try(statements: tuple[str, ...]) -> None:
    """Make what finds names fast; where the database has no such thing, all names are read."""
    try:
        with op.get_bind().begin_nested():
            for statement in statements:
                op.execute(statement)
    except DBAPIError:
        pass


def downgrade() -> None:
    database = op.get_bind().dialect.name
    if database == "sqlite":
        for trigger in ("job_named", "job_forgotten"):
            op.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        op.execute("DROP TABLE IF EXISTS job_names")
    elif database == "mysql":
        op.drop_index("ix_jobs_settled_at_finished_at", table_name="jobs")
        op.drop_index(_NAMES_MYSQL, table_name="jobs")
    else:
        op.execute("DROP INDEX IF EXISTS ix_jobs_file_name_trigrams")
    op.create_index("ix_jobs_state_created_at", "jobs", ["state", "created_at"])
    for name in ("unsettled", "profile_seq", "state_seq"):
        op.drop_index(f"ix_jobs_{name}", table_name="jobs")
    if database != "mysql":  # there it goes with its column
        op.drop_index("ix_jobs_seq", table_name="jobs")
    op.drop_column("jobs", "file_name")
    op.drop_column("jobs", "seq")
