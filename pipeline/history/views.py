"""A job as people and programs see it: the JSON that the command line and the web promise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.history.fate import FATE_WORDS, SourceFate
from pipeline.history.remaining import progress, remaining_s, share
from pipeline.models import Job, JobState, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Collection

#: To how many digits durations are told, seconds.
DIGITS = 3
#: How much of a job's id is enough for people, and names the output folder.
SHORT_ID = 8


class View(BaseModel):
    """A value that is only looked at."""

    model_config = ConfigDict(frozen=True)


class SourceView(View):
    """The source: where it is now, and what the probe found (None before it has).

    `fate` is what became of it when the job had ended (`SourceFate`), None until it was seen to and
    where that can't be told. `deleted` says that it was, as its folder's entry says, when the job
    had succeeded. A job's file beside its results keeps where the source was when they appeared:
    it is moved, as its folder's entry says, only after that.
    """

    path: str
    original_path: str
    bytes: int
    fingerprint: str
    duration: float | None
    width: int | None
    height: int | None
    deleted: bool = False
    fate: str | None = None

    @property
    def fate_words(self) -> str:
        """What became of it, to be read after its path; "" when that is not known."""
        return f" ({FATE_WORDS[SourceFate(self.fate)]})" if self.fate else ""


class ErrorView(View):
    """Why a job ended badly."""

    step: str | None
    code: str
    message: str
    hint: str


class StepView(View):
    """One step. `attempts` counts all tries of all runs."""

    name: str
    kind: str
    state: str
    attempts: int
    progress: float
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    retry_at: datetime | None


class RenditionView(View):
    """One rendition; `path` is relative to the output folder, `duration` in seconds."""

    name: str
    width: int
    height: int
    codec: str
    path: str
    frames: int
    duration: float
    bytes: int


class PosterView(View):
    """One file of the poster; `path` is relative to the output folder, `format` jpeg or webp."""

    path: str
    width: int
    height: int
    format: str


class OutputsView(View):
    """Where the results are; all paths relative to `directory`, None for what was not made.

    `audio` and `subtitles` list tracks with name, language, label and where they are;
    `left_out` says in sentences what of the source was not used. `storyboard` is the WebVTT,
    `preview` an animated picture, `waveform` a picture of the sound, `peaks` the same in numbers.
    `removed_at` is when a schedule took all of it out of the library, None while it is there.
    """

    directory: str
    poster: str | None
    hls: str | None
    dash: str | None
    renditions: list[RenditionView]
    chapters: str | None = None
    audio: list[dict[str, Any]] = []
    subtitles: list[dict[str, Any]] = []
    left_out: list[str] = []
    posters: list[PosterView] = []
    storyboard: str | None = None
    preview: str | None = None
    waveform: str | None = None
    peaks: str | None = None
    removed_at: datetime | None = None


class JobView(View):
    """The whole job. Times are UTC.

    `outputs` is None until the job has succeeded. When it is run again they stay, whatever becomes
    of that run, until others take their place; but for those that a retention removed before it.
    `remaining_s` is about how long it still takes, None while nobody can tell. `waits_until` is
    when a window of schedules.yml opens that its encodes wait for, None when they wait for none;
    `waits_for` is the tag that its encodes need while no worker that is there has it.
    `checked_at` is when its results were last decoded again, and `damage` what is wrong with them,
    None when nothing is known to be. Title, language and metadata are what the source's sidecar
    says.
    """

    id: str
    state: str
    progress: float
    profile: str
    priority: int
    run: int
    source: SourceView
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime
    error: ErrorView | None
    steps: list[StepView]
    outputs: OutputsView | None
    remaining_s: float | None = None
    waits_until: datetime | None = None
    waits_for: str | None = None
    checked_at: datetime | None = None
    damage: list[str] | None = None
    title: str | None = None
    language: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    @property
    def short_id(self) -> str:
        """The part of the id that names the output folder."""
        return self.id[:SHORT_ID]

    @property
    def name(self) -> str:
        """The source's file name, as it was found."""
        return Path(self.source.original_path).name

    @property
    def shown_state(self) -> str:
        """The state in a word for people, as `shown_state` gives it."""
        waits = self.waits_until is not None
        return shown_state(self.state, waits=waits, steps=[step.state for step in self.steps])

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return JobState(self.state).terminal


def shown_state(state: str, *, waits: bool, steps: Collection[str]) -> str:
    """Give a job's state in a word for people: `waiting` for one that runs, but no step of it now.

    Its next step waits for a worker, for its time to be tried again, or (`waits`) for a window.
    Programs are told `running`.
    """
    idle = (state == JobState.RUNNING or waits) and StepState.RUNNING not in steps
    return str(StepState.WAITING if idle else state)


def job_view(job: Job) -> JobView:
    """Show the row, with its steps and renditions, as the promised JSON."""
    return JobView(
        id=job.id,
        state=job.state.value,
        progress=progress(job.state, job.steps),
        profile=job.profile,
        priority=job.priority,
        run=job.run,
        source=_source(job),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        deadline_at=job.deadline_at,
        error=_error(job),
        steps=[_step(job, step) for step in job.steps],
        outputs=_outputs(job),
        remaining_s=_seconds(remaining_s(job)) if job.state is JobState.RUNNING else None,
        waits_until=job.waits_until,
        waits_for=job.tag if job.lacking_since else None,
        checked_at=job.checked_at,
        damage=job.damage.splitlines() if job.damage else None,
        title=job.title,
        language=job.language,
        metadata=job.tags or {},
    )


def _seconds(exact: float | None) -> float | None:
    return None if exact is None else round(exact, DIGITS)


def _source(job: Job) -> SourceView:
    fate = job.source_fate if job.settled_at is not None else None
    return SourceView(
        path=job.source_path,
        original_path=job.original_path,
        bytes=job.source_bytes,
        fingerprint=job.fingerprint,
        duration=_seconds(job.source_duration_s),
        width=job.source_width,
        height=job.source_height,
        deleted=fate == SourceFate.DELETED,
        fate=fate,
    )


def _error(job: Job) -> ErrorView | None:
    if job.error_code is None:
        return None
    return ErrorView(
        step=job.error_step,
        code=job.error_code,
        message=job.error_message or "",
        hint=job.error_hint or "",
    )


def _step(job: Job, step: Step) -> StepView:
    return StepView(
        name=step.name,
        kind=step.kind.value,
        state=step.state.value,
        attempts=step.attempt,
        progress=round(share(step, job.steps), 4),
        started_at=step.started_at,
        finished_at=step.finished_at,
        worker=step.owner.partition("/")[0] if step.owner else None,
        retry_at=step.retry_at if step.state is StepState.WAITING else None,
    )


def _outputs(job: Job) -> OutputsView | None:
    removed = job.outputs_removed_at is not None and job.state is not JobState.SUCCEEDED
    if job.output_directory is None or removed:
        return None
    paths = job.outputs or {}
    return OutputsView(
        directory=job.output_directory,
        poster=paths.get("poster"),
        hls=paths.get("hls"),
        dash=paths.get("dash"),
        chapters=paths.get("chapters"),
        audio=paths.get("audio", []),
        subtitles=paths.get("subtitles", []),
        left_out=paths.get("left_out", []),
        renditions=[
            RenditionView(
                name=row.name,
                width=row.width,
                height=row.height,
                codec=row.codec,
                path=row.path,
                frames=row.frames,
                duration=round(row.duration_s, DIGITS),
                bytes=row.bytes,
            )
            for row in job.renditions
        ],
        posters=[PosterView(**poster) for poster in paths.get("posters", [])],
        storyboard=paths.get("storyboard"),
        preview=paths.get("preview"),
        waveform=paths.get("waveform"),
        peaks=paths.get("peaks"),
        removed_at=job.outputs_removed_at,
    )
