"""A configured system, and a client of its web part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.web.site import PATIENCE_S, Site, make_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, database_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    yield from make_site(tmp_path, database_address, monkeypatch)


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.served() as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client
