"""Any name a file system takes: the file is ingested and put away under it, or left alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from pipeline.ingest.beside import LONGEST_NAME, named, reason_of
from pipeline.ingest.located import is_text
from pipeline.models import Job, JobState
from pipeline.plan.names import output_folder
from tests.integration.ingest.inbox import unknown_files

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox

HOSTILE = [
    "two\nlines.mp4",
    'it\'s "quoted".mp4',
    "%d-%s-%03d.mp4",
    "-i.mp4",
    "--help.mp4",
    "a:b:c.mp4",
    "http:evil.mp4",
    "concat:a|b.mp4",
    "$(touch owned).mp4",
    "`id`;rm -rf *.mp4",
    "\u202egpj.mp4",
    "\u200b\ufeff.mp4",
    "x" * 251 + ".mp4",
    "é" * 125 + ".mp4",
    "\\..\\..\\up.mp4",
    "tab\tand\x1b[31mred.mp4",
    "e\u0301 decomposed.mp4",
    "trailing dots...mp4",
    "   spaces   .mp4",
    "CON.mp4",
]
#: What stands between slashes in a path, as bytes: anything but NUL and the slash.
NAMES = st.one_of(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), max_size=120),
    st.binary(max_size=250).map(os.fsdecode),
).map(lambda text: text.replace("\0", "_").replace("/", "_"))


def put(inbox: Inbox, name: str, folder: str = "") -> Path | None:
    """Put a file of this name there, of its own content; None where none can be."""
    place = inbox.folder.path / folder if folder else inbox.folder.path
    raw = os.fsencode(f"{name}.mp4")[-LONGEST_NAME:]
    path = place / os.fsdecode(raw)
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
    except OSError:
        return None  # `.` and `..` as a folder, a name of no letters
    return path


def tree(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_hostile_names_are_kept_whole(inbox: Inbox, state: JobState) -> None:
    paths = [inbox.put(name, f"a clip called {name}") for name in HOSTILE]
    assert sorted(inbox.scan()) == sorted(paths)
    place = inbox.folder.archive if state is JobState.SUCCEEDED else inbox.folder.quarantine
    for job_id in inbox.published:
        path = Path(inbox.job(job_id).source_path)
        inbox.end(job_id, state)
        assert (place / path.name).read_text() == f"a clip called {path.name}"
        if state is JobState.FAILED:
            assert "It is a text." in reason_of(place / path.name).read_text()
        folder = output_folder(path.stem, job_id)
        assert Path(folder).name == folder
        assert len(folder.encode()) <= LONGEST_NAME
    assert len(inbox.published) == len(HOSTILE)
    assert tree(inbox.folder.path) == set()


@given(name=NAMES, folder=st.one_of(st.just(""), NAMES), fails=st.booleans())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_it_is_called_a_file_is_put_away_or_left_alone(
    inbox: Inbox, name: str, folder: str, fails: bool
) -> None:
    root = inbox.folder.path.parent
    for place in (inbox.folder.path, inbox.folder.archive, inbox.folder.quarantine):
        shutil.rmtree(place, ignore_errors=True)
    inbox.folder.path.mkdir()
    with inbox.ready.db.begin() as session:
        session.execute(delete(Job))
    path = put(inbox, name, folder)
    if path is None or path.parent.parent.resolve() not in (root, inbox.folder.path):
        return
    before = tree(root)
    found = unknown_files(inbox.ready, inbox.folder)
    if not found:
        assert tree(root) == before
        return
    assert found == [path]
    assert is_text(path)
    job_id = inbox.submit(path).job_id
    inbox.end(job_id, JobState.FAILED if fails else JobState.SUCCEEDED)
    below = path.relative_to(inbox.folder.path)
    target = (inbox.folder.quarantine if fails else inbox.folder.archive) / below
    new = {str(target.relative_to(root))}
    if fails:
        new.add(str(reason_of(target).relative_to(root)))
    assert tree(root) - before == new
    assert before - tree(root) == {str(path.relative_to(root))}


@given(stem=st.text(min_size=1, max_size=300), number=st.integers(1, 10**6))
def test_names_beside_a_source_fit_every_file_system(stem: str, number: int) -> None:
    plain = stem.replace("/", "_").replace("\0", "_").encode("utf-8", "ignore").decode() or "x"
    path = Path("/a") / (plain[:250] + ".mp4")
    made = named(path, number=number, ending=".reason.txt")
    assert made.parent == path.parent
    assert len(os.fsencode(made.name)) <= LONGEST_NAME
    assert made.name.endswith(".mp4.reason.txt")


def test_cut_names_of_different_files_differ() -> None:
    first, second = (Path("/a") / (f"{'x' * 240}{letter}.mp4") for letter in "ab")
    assert reason_of(first) != reason_of(second)
