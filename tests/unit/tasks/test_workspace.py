"""An attempt removes what earlier ones left, and at its end only what is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.history.steps import Claim
from pipeline.tasks.workspace import Workspace, publish_folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", tmp_path / "library", "job")


def claim(step: str, attempt: int) -> Claim:
    return Claim("job", f"n/p/{attempt}", {step: attempt}, 1)


def leave(workspace: Workspace, step: str, attempt: int) -> Path:
    """Leave behind what an attempt had begun."""
    if step == "manifest":
        staging = workspace.staging(attempt)
        staging.mkdir(parents=True)
        (staging / "half.m4s").write_text("half")
        return staging
    path = workspace.scratch(step, attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("half")
    return path


STEPS = ["thumbnail", "rendition:720p", "manifest"]


@pytest.mark.parametrize("step", STEPS)
def test_a_fresh_attempt_removes_what_earlier_ones_left(workspace: Workspace, step: str) -> None:
    first, second = leave(workspace, step, 1), leave(workspace, step, 2)
    workspace.open(claim(step, 3))
    assert not first.exists()
    assert not second.exists()


@pytest.mark.parametrize("step", STEPS)
def test_who_is_slow_to_begin_leaves_the_files_of_who_took_over(
    workspace: Workspace, step: str
) -> None:
    taken_over = leave(workspace, step, 2)
    workspace.open(claim(step, 1))
    assert taken_over.exists()


@pytest.mark.parametrize("step", STEPS)
def test_an_attempt_that_ends_removes_only_its_own(workspace: Workspace, step: str) -> None:
    mine, other = leave(workspace, step, 1), leave(workspace, step, 2)
    tenth = leave(workspace, step, 11)
    workspace.discard(claim(step, 1))
    assert not mine.exists()
    assert other.exists()
    assert tenth.exists()


def test_steps_whose_names_begin_alike_keep_theirs(workspace: Workspace) -> None:
    longer = leave(workspace, "rendition:en.forced", 1)
    workspace.open(claim("rendition:en", 5))
    assert longer.exists()


def test_a_folder_that_was_published_before_is_replaced_and_given_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    final = tmp_path / "library" / "film"
    assert publish_folder(leave(workspace, "manifest", 1), final) is None
    (final / "half.m4s").write_text("former")
    former = publish_folder(leave(workspace, "manifest", 2), final)
    assert former is not None
    assert (former / "half.m4s").read_text() == "former"
    assert (final / "half.m4s").read_text() == "half"


def test_a_published_folder_stays_when_it_cannot_be_replaced(
    workspace: Workspace, tmp_path: Path
) -> None:
    final = tmp_path / "library" / "film"
    publish_folder(leave(workspace, "manifest", 1), final)
    with pytest.raises(FileNotFoundError):
        publish_folder(workspace.staging(2), final)
    assert (final / "half.m4s").read_text() == "half"
