"""Everybody can use the pages: by keyboard, by ear, on a telephone, by day and by night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pipeline.errors import ReelworksError
from pipeline.models import JobState
from pipeline.scheduler import prepare
from pipeline.settings.load import load_settings
from tests.integration.scheduler.conftest import point_django_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.integration.web.site import Site

pytestmark = pytest.mark.browser
BAD = ReelworksError("not_media", "notes.mp4 is a text.", "Give a video; see `reelworks show`.")
#: Contrast of text with what is behind it, as WCAG 2.2 (1.4.3) reckons it; AA asks for 4.5.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const over = ([r, g, b, a = 1], under) =>
    [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const colour = parse(getComputedStyle(element).backgroundColor);
    if ((colour[3] ?? 1) === 1) return colour.slice(0, 3);
    return over(colour, behind(element.parentElement));
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    if (element.closest(".unseen, noscript, option")) continue;
    const back = behind(element);
    const front = over(parse(getComputedStyle(element).color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) poor.push(`${text}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
#: What is worked or read, and has no name for those who hear the page.
NAMELESS = """() => [...document.querySelectorAll("a, button, input, select, progress, video")]
  .filter((one) => one.checkVisibility({visibilityProperty: true}))
  .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim()
    || one.labels?.[0]?.textContent.trim()))
  .map((one) => one.outerHTML)"""


@pytest.fixture
def paths(site: Site, done: str) -> dict[str, str]:
    """Pages in every state."""
    failed = site.job("notes.mp4")
    site.end(failed.id, JobState.FAILED, BAD)
    site.end(site.job("cancelled.mp4").id, JobState.CANCELLED)
    running = site.job("a " + "very " * 30 + "long name.mp4")
    site.plan(running.id, "rendition:1080p", "rendition:audio")
    site.take(running.id, "thumbnail")
    site.job("waits.mp4")
    pages = {"running": running.id, "failed": failed.id, "done": done}
    return {"library": "/", **{name: f"/jobs/{job_id}" for name, job_id in pages.items()}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(
    paths: dict[str, str], open_page: Callable[..., Page], scheme: str
) -> None:
    page = open_page("/", color_scheme=scheme)
    for path in paths.values():
        page.goto(path)
        page.wait_for_timeout(300)  # colours move into place
        assert page.evaluate(CONTRAST) == []


def test_everything_has_a_name(paths: dict[str, str], open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    for path in paths.values():
        page.goto(path)
        assert page.evaluate(NAMELESS) == []
        assert page.locator("h1").count() == 1


@pytest.mark.parametrize("width", [320, 390, 768, 1920])
def test_nothing_is_wider_than_the_window(
    paths: dict[str, str], open_page: Callable[..., Page], width: int
) -> None:
    page = open_page("/", viewport={"width": width, "height": 800})
    for path in paths.values():
        page.goto(path)
        page.wait_for_timeout(300)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, path


def test_no_table_has_to_be_pushed_aside_to_be_read(
    site: Site, done: str, open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another test may have set Django up on its own database; Playwright has a loop in this thread.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    point_django_at(site.ready.settings)
    long = "scan-of-everything-that-came-in-since-noon"
    times = 'cron: "5,20,35,50 1,5,9,13 1,15 1-11 1-5", timezone: America/Argentina/Buenos_Aires'
    (site.folder / "config" / "schedules.yml").write_text(f"{long}: {{task: scan, {times}}}\n")
    prepare(load_settings(site.ready.settings.config_dir))
    (site.folder / "config" / "schedules.yml").write_text(f"{long}: {{task: clean, {times}}}\n")
    page = open_page("/schedules")
    cut = "[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth - one.clientWidth)"
    for path in ("/schedules", f"/jobs/{done}"):
        page.goto(path)
        for width in (390, 768, 1100, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(cut) == [0]
            row = page.get_by_role("row").last
            for cell in row.get_by_role("cell").all():
                box = cell.bounding_box()
                assert box is None or box["x"] + box["width"] <= width


def test_the_library_is_used_with_the_keyboard(site: Site, open_page: Callable[..., Page]) -> None:
    site.job("by keyboard.mp4")
    page = open_page("/")
    met = []
    for _ in range(8):
        page.keyboard.press("Tab")
        active = page.locator(":focus")
        met.append(active.get_attribute("id") or active.text_content())
        if met[-1] == "by keyboard.mp4":
            break
    assert met[0] == "Skip to content"
    assert "files" in met
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by keyboard.mp4")).to_be_visible()


def test_where_one_is_stays_when_a_page_is_drawn_anew(
    site: Site, open_page: Callable[..., Page]
) -> None:
    job = site.job()
    page = open_page(f"/jobs/{job.short_id}")
    page.get_by_role("button", name="Cancel").focus()
    site.take(job.id, "probe")
    expect(page.locator('[data-step="probe"]')).to_contain_text("running")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
