"""A job's page: live while it runs, and playing when it is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pipeline.errors import ReelworksError
from pipeline.models import JobState
from tests.browser.conftest import PATIENCE_MS
from tests.media import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Complaints
    from tests.integration.web.site import Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)
BAD = ReelworksError("not_media", "notes.mp4 is a text.", "Give a video; see `reelworks show`.")
#: Starts it again where a stream that was being loaded stopped it.
PLAYING = (
    "() => { const v = document.querySelector('#video');"
    " if (v.paused) { v.muted = true; v.play().catch(() => {}); } return v.currentTime > %s; }"
)


def step(page: Page, name: str) -> Locator:
    return page.locator(f'[data-step="{name}"]')


def play(page: Page) -> None:
    page.evaluate("() => { const v = document.querySelector('#video'); v.muted = true; v.play(); }")


def test_progress_of_each_rendition_is_live(site: Site, open_page: Callable[..., Page]) -> None:
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    expect(page.locator("h1 + p")).to_contain_text("queued")
    site.plan(job.id, "rendition:180p", "rendition:90p")
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    large, small = site.take(job.id, "rendition:180p"), site.take(job.id, "rendition:90p")
    expect(step(page, "rendition:180p")).to_contain_text("running")
    for share in (0.25, 0.5):
        site.beat(large, share)
        site.beat(small, share / 2)
        expect(step(page, "rendition:180p")).to_contain_text(f"{share * 100:.0f}\u202f%")
        expect(step(page, "rendition:90p").get_by_role("progressbar")).to_have_attribute(
            "value", str(share / 2)
        )
    expect(page).to_have_title(re.compile(r"^36\u202f% · clip\.mp4"))
    expect(page.get_by_role("progressbar", name="Progress of the job")).to_have_attribute(
        "value", "0.3625"
    )
    site.done(job.id, "rendition:180p")
    expect(step(page, "rendition:180p")).to_contain_text("done")
    expect(page.get_by_role("status")).to_contain_text("180p done.")
    expect(page.get_by_role("listitem").filter(has_text="180p done").last).to_be_visible()


def test_a_rung_that_waits_for_its_ranges_is_as_far_as_they_are(
    site: Site, open_page: Callable[..., Page]
) -> None:
    job = site.job()
    site.plan(job.id, "range:001", "range:002", "rendition:180p")
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    first = site.take(job.id, "range:001")
    page = open_page(f"/jobs/{job.short_id}")
    rung = step(page, "rendition:180p")
    expect(rung).to_contain_text("waiting")
    for share, value in ((0.5, "0.2375"), (0.8, "0.38")):
        site.beat(first, share)
        expect(rung.get_by_role("progressbar")).to_have_attribute("value", value)


def test_a_job_that_fails_says_why_and_what_to_do(
    site: Site, open_page: Callable[..., Page]
) -> None:
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    site.end(job.id, JobState.FAILED, BAD)
    trouble = page.get_by_role("region", name="What went wrong")
    expect(trouble).to_contain_text("notes.mp4 is a text.")
    expect(trouble).to_contain_text("Give a video; see reelworks show.")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("h1 + p")).to_contain_text("queued")
    assert site.view(job.id).run == 2


def test_the_log_begins_with_what_came_last_and_counts_no_step_for_itself(
    site: Site, open_page: Callable[..., Page]
) -> None:
    job = site.job()
    names = ("rendition:180p", "rendition:90p")
    site.plan(job.id, *names)
    site.take(job.id, "thumbnail")
    site.done(job.id, "thumbnail")
    site.fail(site.take(job.id, *names), BAD, log="[h264 @ 0x1] no\n[h264 @ 0x2] no\n")
    site.end(job.id, JobState.FAILED, BAD)
    page = open_page(f"/jobs/{job.short_id}")
    lines = page.locator(".log li")
    expect(lines.nth(0)).to_contain_text("failed: notes.mp4 is a text.")
    expect(lines.nth(1)).to_contain_text("180p, 90p: notes.mp4 is a text.")
    expect(lines.nth(0)).to_have_class("bad")
    assert page.locator(".log").evaluate("log => log.scrollTop") == 0
    said = page.get_by_role("region", name="What the tools said")
    expect(said.get_by_text("180p, 90p, attempt 1")).to_be_visible()
    expect(said.locator("pre")).to_have_text("[h264] no (2 times)\n")


def test_a_job_is_cancelled_after_asking(site: Site, open_page: Callable[..., Page]) -> None:
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Cancel").click()
    assert site.view(job.id).state == "queued"
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("h1 + p")).to_contain_text("cancelled")
    assert site.view(job.id).state == "cancelled"


def test_what_can_not_be_done_any_more_is_said(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected = ("409", "503")
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    page.route("**/events", lambda route: route.fulfill(status=503))
    page.route(f"**/api/v1/jobs/{job.id}", lambda route: route.fulfill(status=503))
    page.reload()
    site.end(job.id, JobState.CANCELLED)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("has ended already")


def test_where_events_do_not_get_through_the_page_asks(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected = ("502",)
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    page.route("**/events", lambda route: route.fulfill(status=502))
    page.reload()
    claim = site.take(job.id, "probe")
    expect(step(page, "probe")).to_contain_text("running")
    site.beat(claim, 0.4)
    expect(step(page, "probe")).to_contain_text("40\u202f%")
    site.end(job.id, JobState.CANCELLED)
    expect(page.locator("h1 + p")).to_contain_text("cancelled")


def test_after_a_broken_connection_the_page_goes_on(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected = ("ERR_",)
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    expect(step(page, "probe")).to_contain_text("waiting")
    page.context.set_offline(True)
    claim = site.take(job.id, "probe")
    site.beat(claim, 0.7)
    page.context.set_offline(False)
    expect(step(page, "probe")).to_contain_text("70\u202f%")


@pytest.mark.parametrize("kind", ["HLS", "DASH"])
def test_a_result_plays(done: str, open_page: Callable[..., Page], kind: str) -> None:
    page = open_page(f"/jobs/{done[:8]}")
    page.get_by_role("button", name=kind).click()
    expect(page.get_by_text(f"{kind} at ")).to_be_visible()
    play(page)
    page.wait_for_function(PLAYING % 0.5)
    height, audio = page.evaluate(
        "[document.querySelector('#video').videoHeight,"
        " window.player.getAudioTracks ? window.player.getAudioTracks().length : 1]"
    )
    assert height in (180, 90)
    assert audio == 1
    other = "DASH" if kind == "HLS" else "HLS"
    page.get_by_role("button", name=other).click()
    expect(page.get_by_role("button", name=other)).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(PLAYING % 1.0)


@pytest.mark.parametrize("frames", [3, 75])
def test_one_can_go_to_where_only_the_sound_goes_on(
    site: Site, open_page: Callable[..., Page], frames: int
) -> None:
    site.inbox.mkdir()
    film = site.inbox / "talk.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=160x90:r=25:d={frames / 25}"),
        *("-f", "lavfi", "-i", "sine=d=60", "-c:v", "libx264", "-c:a", "aac", str(film)),
    )
    page = open_page(f"/jobs/{site.work(film).short_id}")
    expect(page.get_by_text("HLS at ")).to_be_visible()
    play(page)
    page.wait_for_function(PLAYING % 0.5)
    for at_s in (30, 58):
        page.evaluate(f"document.querySelector('#video').currentTime = {at_s}")
        page.wait_for_function(PLAYING % (at_s + 0.5))


@pytest.mark.parametrize("every_s", [5, 8])
def test_slides_play(site: Site, open_page: Callable[..., Page], every_s: int) -> None:
    site.inbox.mkdir()
    film = site.inbox / "slides.mp4"
    slides = f"testsrc2=s=160x90:r=1/{every_s}:d=60"
    ffmpeg("-f", "lavfi", "-i", slides, "-f", "lavfi", "-i", "sine=d=60", str(film))
    page = open_page(f"/jobs/{site.work(film).short_id}")
    expect(page.get_by_text("HLS at ")).to_be_visible()
    play(page)
    page.wait_for_function(PLAYING % 1.0)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_player_has_the_shape_of_its_picture(
    done: str, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(f"/jobs/{done[:8]}", viewport={"width": width, "height": 700})
    box = page.locator("#video").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(320 / 180, rel=0.01)
    assert box["height"] <= 0.72 * 700 + 1
    assert box["width"] > 0.65 * width


def test_a_quality_can_be_chosen(done: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"/jobs/{done[:8]}")
    quality = page.get_by_label("Quality")
    expect(quality.locator("option")).to_have_count(3)
    labels = quality.locator("option").all_text_contents()
    assert [label.split(" ")[0] for label in labels] == ["Auto", "180p", "90p"]
    for name, size in (("90p", "160\u00d790"), ("180p", "320\u00d7180")):
        quality.select_option(label=next(label for label in labels if label.startswith(name)))
        expect(page.locator("#playing")).to_contain_text(size)
    play(page)
    page.wait_for_function(PLAYING % 0.2)
    assert page.evaluate("document.querySelector('#video').videoHeight") == 180


def test_the_player_appears_when_the_job_is_done_while_one_looks(
    site: Site, done: str, open_page: Callable[..., Page]
) -> None:
    outputs = site.view(done).outputs
    assert outputs is not None
    other = site.job("other.mp4")
    page = open_page(f"/jobs/{other.short_id}")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    site.succeed(other.id, outputs)
    expect(page.get_by_text("HLS at ")).to_be_visible()
    play(page)
    page.wait_for_function(PLAYING % 0.2)
    expect(page.get_by_role("status").first).not_to_be_empty()


def test_each_rendition_can_be_downloaded(
    done: str, site: Site, open_page: Callable[..., Page]
) -> None:
    outputs = site.view(done).outputs
    assert outputs is not None
    page = open_page(f"/jobs/{done[:8]}")
    for rendition in outputs.renditions:
        with page.expect_download() as waiting:
            page.get_by_role("link", name=f"Download {rendition.name}").click()
        assert waiting.value.suggested_filename == f"real clip-{rendition.name}.mp4"
        assert waiting.value.path().stat().st_size == rendition.bytes


def test_without_scripts_a_result_is_read_and_played_from_one_file(
    done: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"/jobs/{done[:8]}", java_script_enabled=False)
    expect(page.get_by_role("rowheader", name="180p")).to_be_visible()
    expect(page.locator("#video")).to_have_attribute("src", re.compile(r"/mp4/180p\.mp4$"))
    expect(page.get_by_role("button", name="HLS")).to_be_hidden()
