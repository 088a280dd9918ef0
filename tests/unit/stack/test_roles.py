"""Which worker serves which queue, and how."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pipeline.errors import ReelworksError
from pipeline.plan.hardware import KINDS
from pipeline.queues import QUEUES
from pipeline.settings.load import Settings
from pipeline.stack import composition, roles
from pipeline.stack.part import Stage
from pipeline.tasks.owner import role_of

Configured = Callable[[str], Settings]
NAME = "encode.2@here"


def test_every_queue_has_a_worker() -> None:
    served = {queue for role in roles.ROLES.values() for queue in role.all_queues(KINDS)}
    assert served == set(QUEUES)


def test_an_encoder_binds_the_queues_of_the_hardware_that_works_before_the_processors(
    configured: Configured,
) -> None:
    settings, role = configured("watch: []"), roles.ROLES["encode"]
    options = roles.celery_options(role, NAME, settings, hardware=("vaapi", "nvenc"))
    assert options["queues"] == ["encode.nvenc", "encode.vaapi", "encode.cpu", "check"]


def test_begun_jobs_go_on_before_others_begin() -> None:
    assert roles.ROLES["package"].all_queues(KINDS) == ("package", "probe")


def test_a_worker_for_cards_alone_takes_no_other_work(configured: Configured) -> None:
    settings, role = configured("watch: []"), roles.ROLES["encode-gpu"]
    options = roles.celery_options(role, NAME, settings, hardware=KINDS[:1])
    assert options["queues"] == ["encode.nvenc"]
    with pytest.raises(ReelworksError, match="No graphics card encodes") as caught:
        roles.celery_options(role, NAME, settings)
    assert caught.value.code == "no_hardware"
    assert "doctor" in caught.value.hint


def test_control_work_never_shares_a_worker_with_media_work() -> None:
    assert roles.ROLES["control"].queues == ("control",)
    assert roles.ROLES["control"].pool == "threads"


@pytest.mark.parametrize("role", ["encode", "encode-gpu", "package"])
def test_media_work_is_done_in_processes_of_its_own(role: str) -> None:
    assert roles.ROLES[role].pool == "prefork"


def test_the_configured_number_of_encodes_runs_at_once(configured: Configured) -> None:
    settings = configured("workers: {encode: 3}")
    options = roles.celery_options(roles.ROLES["encode"], NAME, settings)
    assert options["concurrency"] == 3
    assert options["queues"] == ["encode.cpu", "check"]
    assert options["hostname"] == NAME


def test_the_command_line_overrides_the_configured_number(configured: Configured) -> None:
    settings = configured("workers: {encode: 3}")
    assert roles.celery_options(roles.ROLES["encode"], NAME, settings, 7)["concurrency"] == 7


def test_each_worker_has_a_name_of_its_own_on_the_machine() -> None:
    names = {roles.node(role, number) for role in roles.ROLES for number in (1, 2, 11)}
    assert len(names) == 3 * len(roles.ROLES)
    assert {role_of(name) for name in names} == set(roles.ROLES)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("encode@a.b", True),
        ("encode.2@a.b", True),
        ("package.12@a.b", True),
        ("encode-gpu@a.b", False),
        ("encode@a-b", False),
        ("encode@a.bc", False),
        ("notify@a.b", False),
    ],
)
def test_the_workers_of_some_roles_on_a_machine_are_known_by_their_names(
    name: str, *, wanted: bool
) -> None:
    assert (re.match(roles.pattern(["encode", "package"], "a.b"), name) is not None) is wanted


def test_a_supervised_worker_is_told_the_name_by_which_it_is_asked_for(
    configured: Configured,
) -> None:
    part = composition.worker(configured("watch: []"), "package", "--concurrency", "2")
    assert part.node == roles.node("package")
    assert part.argv[-5:] == ("package", "--node", part.node, "--concurrency", "2")


def test_workers_stop_after_what_brings_work_and_are_mended_when_they_die(
    configured: Configured,
) -> None:
    parts = composition.parts(configured("watch: []"))
    workers = [part for part in parts if part.node]
    front = [part for part in parts if not part.node]
    assert [part.name for part in front] == ["watch", "beat", "web", "flower"]
    assert {part.stage for part in front} == {Stage.FRONT}
    assert {part.stage for part in workers} == {Stage.WORKERS}
    assert all(part.after_death and part.after_kill for part in workers)
    assert all(part.env["REMAP_SIGTERM"] == "SIGQUIT" for part in workers)


def test_every_part_reads_the_same_configuration(configured: Configured) -> None:
    settings = configured("web: {listen: '127.0.0.1:8099'}")
    for part in composition.parts(settings):
        assert part.env["REELWORKS_CONFIG"] == str(settings.config_dir)
        assert part.env["REELWORKS_WEB_LISTEN"] == "127.0.0.1:8099"
