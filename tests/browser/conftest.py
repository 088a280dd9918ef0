"""A headless Chromium, a running web part, and a job whose results are real."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tests.integration.web.site import Site, clip, make_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from pipeline.history.views import OutputsView

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
#: How long a page may take to show something, milliseconds: on a busy machine.
PATIENCE_MS = 30_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the session: Playwright keeps an event loop running in this thread, in which
    # neither Django nor asyncio.run of other tests would work.
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip(f"there is no browser: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What a page did that none of ours does; `expected` names what a test provokes."""

    address: str
    found: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def listen(self, page: Page) -> None:
        """Note what the page complains of, and whom else it asks."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        place = urlsplit(request.url)
        if place.scheme not in ("blob", "data") and place.netloc != urlsplit(self.address).netloc:
            self.found.append(f"asked {request.url}")

    def unexpected(self) -> list[str]:
        """List what no test provoked."""
        return [one for one in self.found if not any(part in one for part in self.expected)]


@pytest.fixture
def site(tmp_path: Path, database_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    yield from make_site(tmp_path, database_address, monkeypatch)


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with site.served() as address:
        yield address


@pytest.fixture
def complaints(address: str) -> Iterator[Complaints]:
    """Every test ends with none: no error, no broken rule of the page, no other host."""
    complaints = Complaints(address)
    yield complaints
    assert complaints.unexpected() == []


@pytest.fixture
def open_page(
    browser: Browser, address: str, complaints: Complaints
) -> Iterator[Callable[..., Page]]:
    """Open pages: `open_page("/", color_scheme="dark", …)`; each has a fresh profile."""
    contexts: list[BrowserContext] = []

    def open_one(path: str = "/", **wishes: object) -> Page:
        context = browser.new_context(base_url=address, **wishes)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> OutputsView:
    """The results of a job that was really done once: they play."""
    folder = tmp_path_factory.mktemp("packaged")
    with pytest.MonkeyPatch.context() as patch, configured(folder, patch) as site:
        site.inbox.mkdir()
        outputs = site.work(clip(site.ready, site.inbox / "clip.mp4")).outputs
    assert outputs is not None
    return outputs


@contextmanager
def configured(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Configure a system for as long as the block lasts."""
    yield from make_site(folder, f"sqlite:///{folder}/reelworks.db", patch)


@pytest.fixture
def done(packaged: OutputsView, site: Site) -> str:
    """The id of a succeeded job, whose results are real."""
    job = site.job("real clip.mp4")
    site.plan(job.id, "rendition:180p", "rendition:90p", "rendition:audio")
    for names in (("thumbnail",), ("rendition:180p", "rendition:90p", "rendition:audio")):
        site.take(job.id, *names)
        site.done(job.id, *names)
    site.succeed(job.id, packaged)
    return job.id
