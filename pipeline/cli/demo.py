"""What `reelworks demo` shows: one job's way through a private system."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.app import Runtime
from pipeline.cli.notices import show
from pipeline.cli.say import cell
from pipeline.errors import ReelworksError
from pipeline.history import listing
from pipeline.printable import printable
from pipeline.stack import demo
from pipeline.stack.presence import address
from pipeline.stack.stopping import Stopping
from pipeline.stack.supervisor import Notice, What
from pipeline.stack.system import System, logs, running

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from pipeline.history.views import JobView
    from pipeline.settings.load import Settings

#: How often the job's progress is read, seconds.
LOOK_S = 0.3
#: If there is no job by then, the file was not taken, seconds.
TAKEN_WITHIN_S = 120.0
#: In a pipe a step's progress is told in steps of this.
COARSE = 0.25


class Display(Protocol):
    """Where a job's progress is shown."""

    def update(self, view: JobView) -> None:
        """Show how far the job is now."""


def run_demo(settings: Settings, file: Path | None, console: Console) -> bool:
    """Run the demo in a new folder below ./media/demo; True when the job succeeded."""
    began = time.monotonic()
    demos = Path.cwd() / "media" / "demo"
    demo.forget_old(demos)
    folder = demo.new_folder(demos)
    private = demo.private_settings(settings, folder)
    clip = folder / "test-clip.mp4" if file is None else file
    demo.check_name(clip.name, private)
    console.print(f"A private system in {folder}", highlight=False, soft_wrap=True)

    def tell(notice: Notice) -> None:
        if notice.what in (What.DIED, What.NOT_MENDED, What.MENDED):
            show(console, notice)

    with Stopping() as stopping, running(private, stopping, tell) as system:
        # The parts take seconds to start: the clip is made meanwhile.
        if file is None:
            demo.make_clip(private, clip)
        demo.drop(clip, private)
        text = f"Dropped {cell(clip.name)} into {cell(str(private.pipeline.watch[0].path))}"
        console.print(text, soft_wrap=True)
        console.print(f"Web {address(private.pipeline.web.listen)}")
        view = _follow(private, system, stopping, console)
    if view is None or not view.ended:
        console.print("Stopped before the job was done.", style="yellow")
        return False
    _report(console, view, time.monotonic() - began)
    if view.state != "succeeded":
        where = printable(str(logs(private)))
        console.print(f"Logs: {where}", markup=False, highlight=False, soft_wrap=True)
    return view.state == "succeeded"


def _follow(
    settings: Settings, system: System, stopping: Stopping, console: Console
) -> JobView | None:
    """Show the job's progress until it has ended, or we are to stop; None when there is none."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    if not console.is_terminal:
        return _watch(settings, system, stopping, Lines(console))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        return _watch(settings, system, stopping, Bars(progress))


def _watch(
    settings: Settings, system: System, stopping: Stopping, display: Display
) -> JobView | None:
    database = Runtime(settings).db
    began = time.monotonic()
    look_at = 0.0
    view: JobView | None = None
    try:
        while not stopping.asked and not (view and view.ended):
            system.tick()
            if time.monotonic() < look_at:
                continue
            look_at = time.monotonic() + LOOK_S
            with database.read() as session:
                view = next(iter(listing.newest(session, limit=1)), None)
            if view is not None:
                display.update(view)
            elif time.monotonic() - began > TAKEN_WITHIN_S:
                raise ReelworksError(
                    "not_taken", "The watcher did not take the file.", f"See {system.logs}."
                )
    finally:
        database.dispose()
    return view


class Bars:
    """A bar for each step, for a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def update(self, view: JobView) -> None:
        """Move every step's bar; a step has one from when it begins."""
        for step in view.steps:
            if step.name not in self._bars and step.state == "waiting":
                continue
            if step.name not in self._bars:
                self._bars[step.name] = self._progress.add_task(step.name, total=1.0)
            bar = self._bars[step.name]
            self._progress.update(bar, completed=step.progress)
            if step.state in ("done", "failed"):
                self._progress.stop_task(bar)


class Lines:
    """A line now and then, for a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: dict[str, tuple[str, int]] = {}

    def update(self, view: JobView) -> None:
        """Tell each step's change of state, and a running one's progress coarsely.

        Renditions of one decode change together, and are told in one line.
        """
        changed: dict[tuple[str, str], list[str]] = {}
        for step in view.steps:
            now = (step.state, int(step.progress / COARSE))
            if step.state != "waiting" and self._told.get(step.name) != now:
                share = f" {step.progress:.0%}" if step.state == "running" else ""
                kind, _, name = step.name.rpartition(":")
                key = (kind or name, f"{step.state}{share}")
                changed.setdefault(key, []).append(name)
            self._told[step.name] = now
        for (kind, what), names in changed.items():
            listed = "" if names == [kind] else f" {', '.join(names)}"
            self._console.print(f"{kind}{listed}: {what}", highlight=False, markup=False)


def _report(console: Console, view: JobView, took_s: float) -> None:
    if view.error is not None:
        where = f" in {view.error.step}" if view.error.step else ""
        console.print(
            f"The job {view.state}{where}: {printable(view.error.message)}",
            style="red",
            markup=False,
        )
        console.print(view.error.hint, markup=False)
    if view.outputs is None:
        return
    directory = Path(view.outputs.directory)
    console.print(f"Done in {took_s:.1f} s, with start and stop of the system:", style="green")
    made = [
        ("folder", str(directory)),
        ("poster", view.outputs.poster),
        ("HLS", view.outputs.hls),
        ("DASH", view.outputs.dash),
    ]
    made += [(row.name, row.path) for row in view.outputs.renditions]
    for name, path in made:
        if path is not None:
            text = f"  {name:<8} {printable(str(directory / path))}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
