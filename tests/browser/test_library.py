"""The library as people use it: what is there, how far it is, and dropping files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pipeline.errors import ReelworksError
from pipeline.models import JobState
from tests.browser.conftest import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Complaints
    from tests.integration.web.site import Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)
BAD = ReelworksError("not_media", "notes.mp4 is a text.", "Give a video.")
DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type: "video/mp4"}));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def test_a_job_is_shown_and_leads_to_its_page(site: Site, open_page: Callable[..., Page]) -> None:
    job = site.job("holiday.mp4")
    page = open_page("/")
    card = page.locator(f'[data-job="{job.id}"]')
    expect(card).to_contain_text("holiday.mp4")
    expect(card).to_contain_text("queued")
    card.click()
    expect(page).to_have_title("holiday.mp4 · Reelworks")


def test_a_click_is_not_lost_to_what_changes_meanwhile(
    site: Site, open_page: Callable[..., Page]
) -> None:
    job = site.job("holiday.mp4")
    page = open_page("/")
    page.locator(f'[data-job="{job.id}"]').hover()
    page.mouse.down()
    with page.expect_response(lambda answer: answer.url.endswith("/")):
        site.end(job.id, JobState.FAILED, BAD)
    page.wait_for_timeout(500)
    page.mouse.up()
    expect(page).to_have_title("holiday.mp4 · Reelworks")


def test_cards_move_as_jobs_do(site: Site, open_page: Callable[..., Page]) -> None:
    job = site.job("holiday.mp4")
    page = open_page("/")
    card = page.locator(f'[data-job="{job.id}"]')
    site.plan(job.id, "rendition:180p")
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    expect(card).to_contain_text("waiting")
    claim = site.take(job.id, "rendition:180p")
    expect(card).to_contain_text("running")
    site.beat(claim, 0.5)
    expect(card).to_contain_text("47\u202f%")
    expect(card.get_by_role("progressbar")).to_have_attribute("value", "0.47")
    site.end(job.id, JobState.FAILED, BAD)
    expect(card).to_contain_text("notes.mp4 is a text.")
    expect(card.get_by_role("progressbar")).to_have_count(0)


def test_a_new_job_appears_by_itself(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    site.job("appeared.mp4")
    expect(page.get_by_role("link", name="appeared.mp4")).to_be_visible()
    expect(page.get_by_text("Nothing here yet.")).to_have_count(0)


def test_a_finished_job_shows_its_poster(done: str, open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    poster = page.locator(f'[data-job="{done}"] img')
    expect(poster).to_be_visible()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth > 0", arg=poster.element_handle()
    )


def test_jobs_are_found_by_name(site: Site, open_page: Callable[..., Page]) -> None:
    site.job("summer.mp4")
    site.job("winter.mp4", profile="small")
    page = open_page("/")
    page.get_by_role("searchbox").fill("SUMM")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="summer.mp4")).to_be_visible()
    expect(page.get_by_role("link", name="winter.mp4")).to_have_count(0)
    page.get_by_role("searchbox").fill("")
    page.locator("#of-profile").select_option("small")
    expect(page.get_by_role("link", name="winter.mp4")).to_be_visible()
    expect(page.get_by_role("link", name="summer.mp4")).to_have_count(0)


def test_only_jobs_of_one_state_are_shown_when_asked(
    site: Site, open_page: Callable[..., Page]
) -> None:
    site.job("waits.mp4")
    site.end(site.job("broken.mp4").id, JobState.FAILED, BAD)
    page = open_page("/")
    page.get_by_role("link", name="Failed 1").click()
    expect(page.get_by_role("link", name="broken.mp4")).to_be_visible()
    expect(page.get_by_role("link", name="waits.mp4")).to_have_count(0)


def test_a_chosen_file_is_uploaded_and_becomes_a_job(
    site: Site, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    file = tmp_path / "chosen film.mp4"
    file.write_bytes(b"film" * 100_000)
    page = open_page("/")
    page.get_by_label("Choose files").set_input_files(file)
    line = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(line).to_contain_text("is in the pipeline")
    expect(page.get_by_role("heading", name="chosen film.mp4")).to_be_visible()
    assert (site.inbox / "chosen film.mp4").read_bytes() == file.read_bytes()
    line.get_by_role("link", name="chosen film.mp4").click()
    expect(page.get_by_role("heading", name="chosen film.mp4")).to_be_visible()


def test_a_dropped_file_is_uploaded_wherever_it_is_dropped(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page("/")
    page.evaluate(DROP, ["dropped.mkv", "film"])
    expect(page.get_by_role("list", name="Uploads")).to_contain_text("is in the pipeline")
    assert (site.inbox / "dropped.mkv").read_bytes() == b"film"


def test_a_file_of_a_wrong_kind_is_refused_with_a_sentence(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page("/")
    page.evaluate(DROP, ["notes.txt", "text"])
    expect(page.get_by_role("list", name="Uploads")).to_contain_text("is not taken; .mp4")
    assert not site.inbox.exists()


def test_what_the_server_refuses_is_said_in_its_words(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected = ("422",)
    page = open_page("/")
    page.evaluate(DROP, ["empty.mp4", ""])
    expect(page.get_by_role("list", name="Uploads")).to_contain_text("empty.mp4 is empty.")


def test_a_server_that_went_away_is_said_and_forgotten_when_it_is_back(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected = ("ERR_INTERNET_DISCONNECTED",)
    site.job("a.mp4")
    page = open_page("/")
    page.context.set_offline(True)
    expect(page.locator("body")).to_have_class(re.compile("lost-server"))
    page.context.set_offline(False)
    expect(page.locator("body")).not_to_have_class(re.compile("lost-server"))


def test_without_scripts_the_library_is_read_and_files_are_uploaded(
    site: Site, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site.job("there before.mp4")
    file = tmp_path / "plain.mp4"
    file.write_bytes(b"film")
    page = open_page("/", java_script_enabled=False)
    expect(page.get_by_role("link", name="there before.mp4")).to_be_visible()
    page.get_by_label("Choose files").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="plain.mp4")).to_be_visible()
