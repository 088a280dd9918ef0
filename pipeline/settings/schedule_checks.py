"""Which keys of a schedule go together, and what in other files it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.errors import ConfigurationError, nearest
from pipeline.settings.schedules import COMMON, OWN, TIMES, ScheduleEntry
from pipeline.settings.values import seconds_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pipeline.settings.document import Document, Place
    from pipeline.settings.pipeline import PipelineSettings


def check_entries(
    entries: Mapping[str, ScheduleEntry], document: Document
) -> list[ConfigurationError]:
    """List the entries whose keys don't go together."""
    return [
        mistake
        for name, entry in entries.items()
        for mistake in (
            *_one_time(name, entry, document),
            *_others_keys(name, entry, document),
            *_too_much_jitter(name, entry, document),
            *_nothing_to_remove(name, entry, document),
        )
    ]


def check_names_elsewhere(
    entries: Mapping[str, ScheduleEntry],
    document: Document,
    pipeline: PipelineSettings,
    profiles: Collection[str] | None,
    channels: Collection[str] | None,
) -> list[ConfigurationError]:
    """List what schedules name that is not there: watched folders, profiles, channels.

    `profiles` names what profiles.yml holds, `channels` what notifications.yml does; None when
    that can't be read.
    """
    watched = {str(folder.path) for folder in pipeline.watch}
    found = []
    for name, entry in entries.items():
        scans = entry.task == "scan" and entry.folder is not None
        if scans and str(entry.folder) not in watched:
            hint = nearest(str(entry.folder), sorted(watched))
            hint = hint or "Add it below `watch` in pipeline.yml, or remove `folder` to scan all."
            problem = "is not a watched folder of pipeline.yml"
            found.append(document.error((name, "folder"), problem, str(entry.folder), hint))
        of_outputs = entry.outputs.profiles if entry.outputs else ()
        for keys, named in (
            (("profiles",), entry.profiles),
            (("outputs", "profiles"), of_outputs),
            (("to",), () if entry.to is None else (entry.to,)),
        ):
            found += _unknown((name, *keys), named, document, profiles, "profiles.yml")
        place = (name, "channels")
        found += _unknown(place, entry.channels, document, channels, "notifications.yml")
    return found


def _unknown(
    place: Place,
    named: tuple[str, ...],
    document: Document,
    there: Collection[str] | None,
    file: str,
) -> Iterator[ConfigurationError]:
    for index, one in enumerate(named if there is not None else ()):
        if one not in (there or ()):
            hint = nearest(one, there or ()) or f"Add it to {file}."
            # One name may be written without a list around it.
            inner = place if place in document.written else (*place, index)
            yield document.error(inner, f"is not in {file}", one, hint)


def _one_time(name: str, entry: ScheduleEntry, document: Document) -> Iterator[ConfigurationError]:
    given = [key for key in TIMES if getattr(entry, key) is not None]
    if entry.task == "encode":
        if entry.window is None:
            hint = 'Write `window: "22:00-06:00"`.'
            yield document.error((name,), "does not say when: it has no `window`", None, hint)
        return
    choices = ", ".join(f"`{key}`" for key in TIMES[:-2])
    if not given:
        problem = f"does not say when: it has none of {choices} and `at`"
        yield document.error((name,), problem, None, "Write one of them.")
    elif len(given) > 1 and "window" not in given:
        both = " and ".join(f"`{key}`" for key in given)
        problem = f"has {both}, which both say when" if len(given) == 2 else f"has {both}"  # noqa: PLR2004
        written = document.written.get((name, given[1]))
        yield document.error((name, given[1]), problem, written, "Keep one of them.")


def _others_keys(
    name: str, entry: ScheduleEntry, document: Document
) -> Iterator[ConfigurationError]:
    """Find keys that the entry's task does not take."""
    takes = (*COMMON, *OWN[entry.task])
    if entry.task == "encode":
        takes = ("task", "timezone", "enabled", *OWN["encode"])
    for key in sorted(entry.model_fields_set):
        if key in takes:
            continue
        owners = [task for task, keys in OWN.items() if key in keys]
        if owners:
            word = "task" if len(owners) == 1 else "tasks"
            problem = f"is only for the {word} {', '.join(owners)}, not for {entry.task}"
        else:
            problem = f"is nothing for the task {entry.task}"
        hint = f"Remove it. {entry.task} takes {', '.join(takes)}."
        yield document.error((name, key), problem, document.written.get((name, key)), hint)


def _too_much_jitter(
    name: str, entry: ScheduleEntry, document: Document
) -> Iterator[ConfigurationError]:
    if entry.jitter is not None and entry.every is not None and entry.jitter > entry.every:
        hint = f"Write {seconds_text(entry.every)} at most, which is `every`."
        written = document.written.get((name, "jitter"))
        yield document.error((name, "jitter"), "is longer than the period", written, hint)


def _nothing_to_remove(
    name: str, entry: ScheduleEntry, document: Document
) -> Iterator[ConfigurationError]:
    if entry.task == "retention" and not (entry.outputs or entry.work or entry.history):
        hint = "Write `outputs: {older_than: 90d}`, `work: …` or `history: …`."
        yield document.error((name,), "says nothing that is to be removed", None, hint)
