"""The documentation can be made into a site, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.cli import exit_code
from pipeline.errors import ReelworksError

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
LOADED = re.compile(r"""<(?:script|link|img)[^>]*(?:src|href)=["'](?:https?:)?//""")


def test_the_pages_become_a_site_that_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    made = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    for page in PAGES:
        text = (tmp_path / page).with_suffix(".html").read_text(encoding="utf-8")
        assert not LOADED.search(text)


def test_every_page_is_in_the_sites_list() -> None:
    listed = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(page for one in listed for page in one.values()) == PAGES


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_links_to_files_lead_somewhere(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_exit_codes_are_as_the_page_about_errors_says() -> None:
    told = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    _, *sections = told.split("\n## ")
    said: dict[str, int] = {}
    for section in sections:
        head, *rows = [line.split("|") for line in section.splitlines() if line.startswith("|")]
        names = [cell.strip() for cell in head]
        if "exit" in names:
            for row in rows[1:]:
                status = row[names.index("exit")].strip()
                for code in re.findall(r"`([a-z_]+)`", row[1]) if status else ():
                    said[code] = int(status)
    assert len(said) > 15
    assert {code: exit_code(ReelworksError(code, "It is so.")) for code in said} == said


def test_codes_of_errors_that_are_explained_are_codes_that_there_are() -> None:
    told = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    codes = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}
    source = "".join(path.read_text() for path in (ROOT / "pipeline").rglob("*.py"))
    assert len(codes) > 50
    assert {code for code in codes if f'"{code}"' not in source} == set()
