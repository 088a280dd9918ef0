"""What no single value shows: names that must exist, folders and ports that must not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


def test_a_watched_folders_profile_must_exist(config: Configuration) -> None:
    config.write("pipeline.yml", "watch:\n  - path: in\n    profile: wep\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line, mistake.value) == ("watch[0].profile", 3, "wep")
    assert mistake.problem == "is not in profiles.yml"
    assert mistake.hint == "Did you mean 'web'? Valid: web."


def test_the_default_profile_must_exist_too(config: Configuration) -> None:
    config.write("profiles.yml", "film: {}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line, mistake.value) == ("watch[0].profile", 2, "web")


def test_a_profile_with_a_mistake_is_there_all_the_same(config: Configuration) -> None:
    config.write("profiles.yml", "web: {video: {crf: 99}}\n")
    assert config.mistake().key == "web.video.crf"


def test_a_scheduled_folder_must_be_watched(config: Configuration) -> None:
    config.write("schedules.yml", "\na: {task: scan, every: 1m, folder: ./media/inbix}\n")
    mistake = config.mistake()
    assert (mistake.file, mistake.line) == (config.folder / "schedules.yml", 2)
    assert (mistake.key, mistake.value) == ("a.folder", f"{config.root}/media/inbix")
    assert f"Did you mean '{config.root}/media/inbox'?" in mistake.hint


def test_a_scheduled_folder_without_any_watched_one_is_told_what_to_do(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "watch: []\n")
    config.write("schedules.yml", "a: {task: scan, every: 1m, folder: in}\n")
    assert "Add it below `watch` in pipeline.yml" in config.mistake().hint


@pytest.mark.parametrize("name", ["library", "work", "state"])
def test_results_must_not_lie_inside_a_watched_folder(config: Configuration, name: str) -> None:
    config.write("pipeline.yml", f"watch: [{{path: in}}]\npaths:\n  {name}: in/x/{name}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == (f"paths.{name}", 3)
    assert mistake.problem == f"lies inside the watched folder {config.root}/in"


@pytest.mark.parametrize("name", ["archive", "quarantine"])
def test_sources_must_not_be_moved_into_any_watched_folder(
    config: Configuration, name: str
) -> None:
    config.write("pipeline.yml", f"watch:\n  - path: in\n    {name}: other/done\n  - path: other\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == (f"watch[0].{name}", 3)
    assert mistake.problem == f"lies inside the watched folder {config.root}/other"


@pytest.mark.parametrize(("first", "second"), [("in", "in/a"), ("in/a", "in"), ("in", "./in/")])
def test_a_watched_folder_must_not_lie_inside_another(
    config: Configuration, first: str, second: str
) -> None:
    outside = "archive: /out/a, quarantine: /out/q"
    config.write(
        "pipeline.yml",
        f"watch:\n  - {{path: {first}, {outside}}}\n  - {{path: {second}, {outside}}}\n",
    )
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == ("watch[1].path", 3)
    assert "overlaps with the watched folder" in mistake.problem
    assert "Watch only one of them" in mistake.hint


def test_folders_of_similar_names_do_not_overlap(config: Configuration) -> None:
    config.write("pipeline.yml", "watch: [{path: in}, {path: in-2}]\n")
    assert len(config.load().pipeline.watch) == 2


@pytest.mark.parametrize("name", ["library", "work"])
def test_a_watched_folder_must_not_lie_where_results_come_to_lie(
    config: Configuration, name: str
) -> None:
    config.write("pipeline.yml", f"paths: {{{name}: out}}\nwatch:\n  - path: out/in\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == ("watch[0].path", 3)
    assert mistake.problem == f"lies inside paths.{name}, {config.root}/out"


def test_overlaps_by_way_of_links_are_found(config: Configuration) -> None:
    (config.root / "in/deep").mkdir(parents=True)
    (config.root / "library").symlink_to(config.root / "in/deep")
    config.write("pipeline.yml", "watch: [{path: in}]\npaths: {library: library}\n")
    assert config.mistake().key == "paths.library"


@pytest.mark.parametrize("name", ["library", "state"])
def test_what_must_stay_must_not_lie_in_the_work_folder(config: Configuration, name: str) -> None:
    config.write("pipeline.yml", f"paths:\n  work: scratch\n  {name}: scratch/{name}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == (f"paths.{name}", 3)
    assert "which is swept" in mistake.problem


def test_an_overlap_that_the_environment_causes_names_the_variable(config: Configuration) -> None:
    mistake = config.mistake(REELWORKS_LIBRARY="media/inbox/out")
    assert (mistake.variable, mistake.file) == ("REELWORKS_LIBRARY", None)


@pytest.mark.parametrize(
    ("web", "flower"),
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("127.0.0.1:80", "[::]:80"),
    ],
)
def test_two_parts_must_not_listen_on_one_port(
    config: Configuration, web: str, flower: str
) -> None:
    config.write("pipeline.yml", f"web: {{listen: '{web}'}}\nflower: {{listen: '{flower}'}}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line, mistake.value) == ("flower.listen", 2, flower)
    assert mistake.problem == f"is where the web part listens too ({web})"


@pytest.mark.parametrize(
    ("web", "flower"),
    [("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:80", "127.0.0.2:80"), ("h:80", "h:81")],
)
def test_parts_may_listen_side_by_side(config: Configuration, web: str, flower: str) -> None:
    config.write("pipeline.yml", f"web: {{listen: '{web}'}}\nflower: {{listen: '{flower}'}}\n")
    assert str(config.load().pipeline.flower.listen) == flower
