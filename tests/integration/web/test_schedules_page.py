"""The page of schedules shows what beat runs, beside schedules.yml as it is written now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.scheduler import prepare
from pipeline.settings.load import load_settings
from tests.integration.scheduler.conftest import point_django_at

if TYPE_CHECKING:
    import httpx

    from tests.integration.web.site import Site

NOT_YET = "Not yet as <code>schedules.yml</code> says"


def write(site: Site, text: str) -> None:
    (site.folder / "config" / "schedules.yml").write_text(text)


def taken_over(site: Site) -> None:
    """Do what `reelworks schedules sync` does, beside a web part that is running."""
    point_django_at(site.ready.settings)
    prepare(load_settings(site.ready.settings.config_dir))


def shown(client: httpx.Client) -> str:
    answer = client.get("/schedules")
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def test_what_was_taken_over_is_shown_without_a_new_start(site: Site, client: httpx.Client) -> None:
    write(site, 'nightly: {task: clean, cron: "30 4 * * *"}\n')
    taken_over(site)
    page = shown(client)
    assert "at 04:30" in page
    assert "not taken over" not in page
    assert NOT_YET not in page
    write(site, 'nightly: {task: clean, cron: "15 5 * * *"}\nnew: {task: scan, every: 3h}\n')
    taken_over(site)
    page = shown(client)
    assert "at 05:15" in page
    assert "04:30" not in page
    assert "every 3 hours" in page
    assert "not taken over" not in page


def test_what_was_not_taken_over_is_shown_as_it_runs_and_named(
    site: Site, client: httpx.Client
) -> None:
    write(site, 'nightly: {task: clean, cron: "30 4 * * *"}\ngone: {task: scan, every: 3h}\n')
    taken_over(site)
    write(site, 'nightly: {task: clean, cron: "15 5 * * *"}\nnew: {task: scan, every: 90s}\n')
    page = shown(client)
    assert "at 04:30" in page
    assert "05:15" not in page
    assert f"{NOT_YET}: gone, new, nightly. " in page
    assert page.count("schedules.yml, not taken over yet") == 3


def test_a_mistake_in_the_file_is_told_beside_what_runs(site: Site, client: httpx.Client) -> None:
    write(site, 'nightly: {task: clean, cron: "30 4 * * *"}\n')
    taken_over(site)
    for text, said in (
        ('nightly: {task: clan, cron: "30 4 * * *"}\n', "schedules.yml:1: nightly.task: "),
        ("nightly: {task: [\n", "schedules.yml:"),
        ('nightly: {task: clean, cron: !!timestamp "x"}\n', "not a value that YAML knows"),
        (f"nightly: {'[' * 3000}\n", "schedules.yml: it is too deep"),
    ):
        write(site, text)
        page = shown(client)
        assert said in page
        assert "at 04:30" in page
        assert "not taken over" not in page
        assert NOT_YET not in page
