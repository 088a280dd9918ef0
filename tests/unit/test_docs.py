"""The documentation can be made into a site, and its links lead somewhere."""

from __future__ import annotations

import ast
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
CODE = re.compile(r"`([a-z_]+)`")
#: How the names of classes end whose first argument is a code, or hands it on.
ERRORS = ("Error", "Failed", "WrongState", "NotFound", "__init__")
#: Codes that nobody is told: a step that was taken over ends by itself.
INNER = {"lease_lost"}
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


def listed() -> set[str]:
    told = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in CODE.findall(row)}


def raised() -> set[str]:
    """Find the codes in the source: the first word given to what is an error."""
    found: set[str] = set()
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = ast.unparse(node.func).rpartition(".")[2]
                word = node.args[0].value
                if name.endswith(ERRORS) and isinstance(word, str) and re.fullmatch(r"\w+", word):
                    found.add(word)
    return found


def test_codes_of_errors_that_are_explained_are_codes_that_there_are() -> None:
    source = "".join(path.read_text() for path in (ROOT / "pipeline").rglob("*.py"))
    assert len(listed()) > 50
    assert {code for code in listed() if f'"{code}"' not in source} == set()


def test_every_code_that_is_raised_is_explained() -> None:
    assert len(raised()) > 50
    assert raised() - listed() - INNER == set()


def test_every_code_that_is_explained_is_named_by_a_test() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert {code for code in listed() if not re.search(rf"[\"']{code}[\"']", source)} == set()
