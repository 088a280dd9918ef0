"""What the pages are made of: nothing from other hosts, nothing inline, nothing altered."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import pipeline.web

WEB = Path(pipeline.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
OURS = [*TEMPLATES, *sorted((WEB / "static").glob("*.*"))]


def test_the_vendored_player_is_the_one_that_was_written_down() -> None:
    rows = (WEB / "static/vendor/VENDOR.md").read_text().splitlines()
    name, _what, _version, digest, licence = (
        cell.strip().strip("`") for cell in rows[2].strip("|").split("|")
    )
    file = WEB / "static/vendor" / name
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert licence.startswith("Apache-2.0")
    assert "Apache License" in (WEB / "static/vendor/shaka-player.LICENSE").read_text()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_page_names_another_host(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|[\"'(]//", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_a_style_of_its_own(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
    assert "| safe" not in text
