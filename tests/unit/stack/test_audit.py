"""The audit of dependencies: every locked package is asked about, and flaws fail it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("sys.argv", ["audit.py"])
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_is_asked_about_and_has_a_hash(audit: Any) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    named = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert len(audit.PACKAGE.findall(lock)) == len(named) > 50


def known(monkeypatch: pytest.MonkeyPatch, audit: Any, **facts: Any) -> None:
    one = {"name": "alembic", "version": "1", **facts}
    monkeypatch.setattr(audit, "asked", lambda lock: [one] * lock.count("=="))


def test_a_flaw_fails_the_audit_and_is_named(
    monkeypatch: pytest.MonkeyPatch, audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    known(monkeypatch, audit, vulns=[{"id": "CVE-1", "fix_versions": ["2"]}])
    assert audit.main() == 1
    assert "alembic 1: CVE-1, mended in 2" in capsys.readouterr().out


def test_no_flaw_passes_it(monkeypatch: pytest.MonkeyPatch, audit: Any) -> None:
    known(monkeypatch, audit, vulns=[])
    assert audit.main() == 0


@pytest.mark.parametrize(
    "answer", [None, [{"name": "a", "version": "1", "skip_reason": "not found"}]]
)
def test_an_index_without_advisories_is_said_to_have_none(
    monkeypatch: pytest.MonkeyPatch, audit: Any, capsys: pytest.CaptureFixture[str], answer: Any
) -> None:
    monkeypatch.setattr(audit, "asked", lambda _: answer)
    assert audit.main() == 0
    assert "held by hashes alone" in capsys.readouterr().out
