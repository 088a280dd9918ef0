"""Tags: named once, asked for by folders and profiles, had by workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration

TAGS = "tags: [big-disk, licensed]\n"


def test_folders_profiles_and_workers_name_tags(config: Configuration) -> None:
    config.write(
        "pipeline.yml",
        f"{TAGS}workers: {{tags: [licensed]}}\nwatch:\n  - {{path: in, needs: big-disk}}\n",
    )
    config.write("profiles.yml", "web: {needs: licensed}\n")
    settings = config.load()
    assert settings.pipeline.tags == ("big-disk", "licensed")
    assert settings.pipeline.workers.tags == ("licensed",)
    assert settings.pipeline.watch[0].needs == "big-disk"
    assert settings.profiles["web"].needs == "licensed"
    over = config.load(REELWORKS_WORKER_TAGS="big-disk, licensed")
    assert over.pipeline.workers.tags == ("big-disk", "licensed")


@pytest.mark.parametrize(
    ("text", "line", "key", "value", "hint"),
    [
        (
            f"{TAGS}watch:\n  - path: in\n    needs: bigdisk\n",
            *(
                4,
                "watch[0].needs",
                "bigdisk",
                "Did you mean 'big-disk'? Valid: big-disk, licensed.",
            ),
        ),
        (
            f"{TAGS}workers:\n  tags:\n    - big-disk\n    - licenced\n",
            *(5, "workers.tags[1]", "licenced", "Did you mean 'licensed'?"),
        ),
        (
            "workers: {tags: big}\n",
            1,
            "workers.tags",
            "big",
            "Add it to pipeline.yml: `tags: [big]`.",
        ),
    ],
)
def test_a_tag_that_is_not_there_is_told_with_its_line_and_the_nearest(
    config: Configuration, text: str, line: int, key: str, value: str, hint: str
) -> None:
    config.write("pipeline.yml", text)
    mistake = config.mistake()
    assert (mistake.line, mistake.key, mistake.value) == (line, key, value)
    assert mistake.problem == "is not one of `tags` in pipeline.yml"
    assert mistake.hint.startswith(hint)


def test_a_profiles_tag_is_looked_for_too(config: Configuration) -> None:
    config.write("pipeline.yml", TAGS)
    config.write("profiles.yml", "web:\n  needs: big-disc\n")
    mistake = config.mistake()
    assert (mistake.file, mistake.line) == (config.folder / "profiles.yml", 2)
    assert mistake.hint.startswith("Did you mean 'big-disk'?")


def test_a_wrong_tag_of_the_environment_names_the_variable(config: Configuration) -> None:
    config.write("pipeline.yml", TAGS)
    mistake = config.mistake(REELWORKS_WORKER_TAGS="big-disk,licence")
    assert mistake.variable == "REELWORKS_WORKER_TAGS"
    assert "Did you mean 'licensed'?" in mistake.hint


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[gpu]", "is found out by each worker itself"),
        ("[check]", "is the name of a queue of ours"),
        ("[Big Disk]", "is not a tag"),
        ("[a.b]", "is not a tag"),
        ("[1]", "is not a tag"),
        (f"[{', '.join(f't{n}' for n in range(17))}]", "has more than 16 entries"),
    ],
)
def test_what_can_be_no_tag_is_refused(config: Configuration, written: str, problem: str) -> None:
    config.write("pipeline.yml", f"tags: {written}\n")
    mistake = config.mistake()
    assert mistake.problem == problem
    assert mistake.line == 1
