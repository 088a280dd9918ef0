"""The tables: jobs, their steps, attempts, renditions and events, the outbox, workers, known files.

The database is the truth; what Celery carries can be rebuilt from these rows at any moment.
Read and write them only through `pipeline.history`.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pipeline import columns


class JobState(enum.StrEnum):
    """Where a job stands. The last four are terminal: only `retry` leaves them."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class StepState(enum.StrEnum):
    """Where a step stands: `waiting → running (lease, owner, attempt) → done | failed`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class StepKind(enum.StrEnum):
    """What a step does, in the order of the journey."""

    PROBE = "probe"
    THUMBNAIL = "thumbnail"
    RANGE = "range"
    RENDITION = "rendition"
    MANIFEST = "manifest"

    @property
    def position(self) -> int:
        """The place in the journey: a step may start when all lower places are done."""
        return _PLACES[self]


#: Ranges of the source are encoded after the probe, and joined into the renditions.
_PLACES = {
    StepKind.PROBE: 0,
    StepKind.THUMBNAIL: 1,
    StepKind.RANGE: 1,
    StepKind.RENDITION: 2,
    StepKind.MANIFEST: 3,
}
#: What the workers that encode do.
ENCODING = frozenset({StepKind.RANGE, StepKind.RENDITION})


class Base(DeclarativeBase):
    """All tables, with constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: columns.Instant(),
        dict[str, Any]: columns.Json,
        float: columns.Fraction,
        JobState: columns.words(JobState),
        StepState: columns.words(StepState),
        StepKind: columns.words(StepKind),
    }


class Job(Base):
    """One source file under one profile. `(fingerprint, profile)` is unique: it decides races."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("fingerprint", "profile", name="uq_jobs_fingerprint_profile"),
        Index("ix_jobs_seq", "seq", unique=True),
        Index("ix_jobs_state_seq", "state", "seq"),
        Index("ix_jobs_profile_seq", "profile", "seq"),
        # Of a million ended jobs the few whose source is still to be settled.
        Index(
            "ix_jobs_unsettled",
            "finished_at",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    #: Counts jobs as they are made: newest first is by this, descending.
    seq: Mapped[int] = mapped_column(BigInteger, default=columns.NextSeq())
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    #: Counts `retry`: attempts are capped within one run.
    run: Mapped[int] = mapped_column(default=1)
    profile: Mapped[str] = mapped_column(String(100))
    #: 0 to 9, 9 most urgent.
    priority: Mapped[int] = mapped_column(default=5)

    #: Where the source is now; `original_path` is where it was found.
    source_path: Mapped[str] = mapped_column(columns.LongText)
    original_path: Mapped[str] = mapped_column(columns.LongText)
    #: The last part of `original_path`: what jobs are looked for by.
    file_name: Mapped[str] = mapped_column(columns.FileName, default=columns.last_part)
    #: The folder below the library in which the output folder appears ("" for its top).
    library_subfolder: Mapped[str] = mapped_column(columns.LongText, default="")
    source_bytes: Mapped[int] = mapped_column(BigInteger)
    source_mtime_ns: Mapped[int] = mapped_column(BigInteger)
    #: None where not known; they spare a reading while they agree. The ctime is from before one.
    source_inode: Mapped[int | None] = mapped_column(BigInteger)
    source_ctime_ns: Mapped[int | None] = mapped_column(BigInteger)
    fingerprint: Mapped[str] = mapped_column(String(128))
    #: What the file's sidecar said of it.
    title: Mapped[str | None] = mapped_column(columns.LongText)
    language: Mapped[str | None] = mapped_column(String(35))
    tags: Mapped[dict[str, Any] | None]
    #: The tag that its sidecar or folder asks of the worker that encodes it; and the one that its
    #: encodes are sent to, once it is planned, where its profile asks for one, too.
    needs: Mapped[str | None] = mapped_column(String(32))
    tag: Mapped[str | None] = mapped_column(String(32))
    #: Since when no worker that is there has that tag; None when one has.
    lacking_since: Mapped[datetime | None]
    #: When the source was seen to change under the job: it waits until that is whole again.
    held_at: Mapped[datetime | None]
    #: What the watched folder's entry said when the file was found.
    on_success: Mapped[str] = mapped_column(String(16), default="keep")
    on_failure: Mapped[str] = mapped_column(String(16), default="keep")
    archive_to: Mapped[str | None] = mapped_column(columns.LongText)
    quarantine_to: Mapped[str | None] = mapped_column(columns.LongText)
    #: When the source was moved (or left) as the entry says; None while that is owed.
    settled_at: Mapped[datetime | None]
    #: What became of it then (`SourceFate`); None where that is not known.
    source_fate: Mapped[str | None] = mapped_column(String(16))
    #: Who moves the source now, and until when nobody else may.
    settle_owner: Mapped[str | None] = mapped_column(String(32))
    settle_until: Mapped[datetime | None]
    #: The place a moved source is still to be taken away from: its path, and what lies there (the
    #: keys of `Identity`). None once it has been.
    leaving: Mapped[dict[str, Any] | None]

    #: The `Plan` as JSON, written by the probe step; None before.
    plan: Mapped[dict[str, Any] | None]
    #: What the probe found: seconds, and the size as displayed, in pixels.
    source_duration_s: Mapped[float | None]
    source_width: Mapped[int | None]
    source_height: Mapped[int | None]
    output_directory: Mapped[str | None] = mapped_column(columns.LongText)
    #: When a schedule took the results out of the library; None while they are there.
    outputs_removed_at: Mapped[datetime | None]
    #: When the results were last decoded again, and what was found wrong: a line for each thing.
    checked_at: Mapped[datetime | None]
    damage: Mapped[str | None] = mapped_column(columns.LongText)
    #: What the output folder holds besides renditions: kind (poster, hls, dash, …) → path in it.
    outputs: Mapped[dict[str, Any] | None]

    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime]
    #: Until when its heavy work waits for a window of schedules.yml; None when it does not.
    waits_until: Mapped[datetime | None]
    #: When the canvas was last put on the broker; None when that is owed.
    published_at: Mapped[datetime | None]
    publish_count: Mapped[int] = mapped_column(default=0)
    #: The last sign of life: a claim, a heartbeat, a publication, an end.
    touched_at: Mapped[datetime]

    error_step: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(columns.LongText)
    error_hint: Mapped[str | None] = mapped_column(columns.LongText)

    steps: Mapped[list[Step]] = relationship(
        back_populates="job", order_by="Step.position, Step.id", cascade="all, delete-orphan"
    )
    renditions: Mapped[list[Rendition]] = relationship(
        order_by="Rendition.id", cascade="all, delete-orphan"
    )


class Step(Base):
    """One step of a job. `attempt` only grows: publishing needs the number one claimed with."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("job_id", "name", name="uq_steps_job_id_name"),
        Index("ix_steps_state_lease_until", "state", "lease_until"),
    )

    id: Mapped[int] = mapped_column(columns.RowId, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[StepKind]
    #: `StepKind.position`; what is encoded beside ranges has theirs.
    position: Mapped[int]
    #: The encode unit a range or rendition belongs to; None for other kinds.
    unit: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[StepState] = mapped_column(default=StepState.WAITING)
    #: 0 to 1.
    progress: Mapped[float] = mapped_column(default=0.0)
    attempt: Mapped[int] = mapped_column(default=0)
    #: Attempts of the present run that count against `limits.attempts`.
    tries: Mapped[int] = mapped_column(default=0)
    #: `node/process/task id` of the one who works on it.
    owner: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    job: Mapped[Job] = relationship(back_populates="steps")
    attempts: Mapped[list[Attempt]] = relationship(
        order_by="Attempt.number", cascade="all, delete-orphan"
    )


class Attempt(Base):
    """One try at a step: who, when, how it ended, and the end of what the tool printed."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("step_id", "number", name="uq_attempts_step_id_number"),)

    id: Mapped[int] = mapped_column(columns.RowId, primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("steps.id", ondelete="CASCADE"))
    number: Mapped[int]
    run: Mapped[int]
    owner: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    #: None while running (`waits`: for its turn); done, failed, retried, released, lost, cancelled.
    outcome: Mapped[str | None] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(columns.LongText)
    error_hint: Mapped[str | None] = mapped_column(columns.LongText)
    log: Mapped[str | None] = mapped_column(columns.LongText)


class Rendition(Base):
    """One published output of a job; `path` is relative to the output folder."""

    __tablename__ = "renditions"
    __table_args__ = (UniqueConstraint("job_id", "name", name="uq_renditions_job_id_name"),)

    id: Mapped[int] = mapped_column(columns.RowId, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    codec: Mapped[str] = mapped_column(String(32))
    path: Mapped[str] = mapped_column(columns.LongText)
    frames: Mapped[int]
    duration_s: Mapped[float]
    bytes: Mapped[int] = mapped_column(BigInteger)


class Event(Base):
    """One line of a job's log, in the order things happened."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_job_id_id", "job_id", "id"),)

    id: Mapped[int] = mapped_column(columns.RowId, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(columns.LongText)
    data: Mapped[dict[str, Any]]


class OutboxRow(Base):
    """One alert owed to one channel; unique, so that whatever is tried again alerts once a run.

    One about no single job, a digest, has no `job_id`, and holds its `message` itself.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint(
            "job_id", "run", "event", "channel", name="uq_outbox_job_id_run_event_channel"
        ),
        Index("ix_outbox_closed_at_next_attempt_at", "closed_at", "next_attempt_at"),
    )

    id: Mapped[int] = mapped_column(columns.RowId, primary_key=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: The run of the job that it is about; 0 about no job, and where an earlier release owes it.
    run: Mapped[int] = mapped_column(default=0, server_default="0")
    #: The terminal state alerted about; or damaged, waiting or digest.
    event: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: Set when nothing more will be tried: sent, given up, or the channel was removed.
    closed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(columns.LongText)
    #: Title, body and kind; None where they are written from the job.
    message: Mapped[dict[str, Any] | None]


class Worker(Base):
    """A worker that encodes, as it announced itself. `seen_at` is its last sign of life."""

    __tablename__ = "workers"

    #: `node/process`, with which the owner of each step that it holds begins.
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: How many encodes run in it at once.
    slots: Mapped[int]
    #: Whether it also takes what needs no hardware.
    processor: Mapped[bool]
    #: The codecs that its hardware encodes, by kind: {"nvenc": ["h264", "hevc"]}.
    hardware: Mapped[dict[str, Any]]
    #: What else it has, by the names of `tags` in pipeline.yml.
    tags: Mapped[list[str]] = mapped_column(
        columns.Json, default=list, server_default=columns.EMPTY_LIST
    )
    seen_at: Mapped[datetime]


class KnownFile(Base):
    """A file already submitted, by its place and stat: found again, it needs no new reading.

    The profile in its key is that of the folder it was found in, or that somebody named; its job
    may have another one, which the sidecar names.
    """

    __tablename__ = "known_files"

    #: SHA-256 of path and profile in hex: paths are longer than some databases can index.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(columns.LongText)
    bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    inode: Mapped[int] = mapped_column(BigInteger)
    #: Its sidecar's size, time and inode, "" without one: a new sidecar is a new wish.
    sidecar: Mapped[str] = mapped_column(String(64), default="", server_default="")
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    seen_at: Mapped[datetime]


class Sighting(Base):
    """A file that was seen and may still be changing, where no event tells when it is whole."""

    __tablename__ = "sightings"

    #: SHA-256 of the path in hex.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(columns.LongText)
    bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    #: Since when it has been as it is, and when that was last seen.
    since: Mapped[datetime]
    seen_at: Mapped[datetime]


class ScheduleRun(Base):
    """The last run of one row of beat, by the clock or by hand."""

    __tablename__ = "schedule_runs"

    #: The row's name: `yaml:…`, `system:…`, or another's.
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(200))
    task_id: Mapped[str] = mapped_column(String(64))
    #: Who does it, `node/process/task id`, and its lease; None where an earlier release began it.
    owner: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    #: The latest moment that a run was due at; None when none was for a certain one.
    due_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    #: running, done or failed.
    outcome: Mapped[str] = mapped_column(String(16))
    summary: Mapped[str] = mapped_column(columns.LongText)
    facts: Mapped[dict[str, Any]]
