"""Names of uploads: whatever a sender gives becomes a plain file name, or is refused early."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ReelworksError
from pipeline.settings.pipeline import WatchFolder
from pipeline.web.naming import LONGEST_NAME, accepted_name, safe_name
from pipeline.web.uploads import watched_folder

ROOT = Path("/srv")
INBOX = WatchFolder(path=Path("/srv/inbox"), ignore=("draft-*",))
OTHER = WatchFolder(path=Path("/srv/other"))


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("Été à la plage.MP4", "Été à la plage.MP4"),
        ("../../etc/passwd.mp4", "passwd.mp4"),
        (r"C:\Users\me\clip.mp4", "clip.mp4"),
        ("/absolute/clip.mp4", "clip.mp4"),
        (".hidden.mp4", "hidden.mp4"),
        ("...mp4", "mp4"),
        ("a\x00b\nc\x7f.mp4", "a_b_c_.mp4"),
        ('what? "this" <one>: a*b|c.mp4', "what_ _this_ _one__ a_b_c.mp4"),
        ("  spaced  .mp4", "spaced.mp4"),
        ("", "upload"),
        ("..", "upload"),
        ("a/", "upload"),
        ("e\u0301te\u0301.mp4", "\u00e9t\u00e9.mp4"),
    ],
)
def test_a_name_is_made_safe(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@given(st.text())
def test_no_name_leaves_the_folder_or_is_hidden_or_too_long(given_name: str) -> None:
    name = safe_name(given_name)
    assert name
    assert PurePath(name).name == name
    assert not name.startswith(".")
    assert len(name.encode()) <= LONGEST_NAME
    assert not any(ord(character) < 32 for character in name)


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    name = safe_name("é" * 300 + ".mp4")
    assert name.endswith("é.mp4")
    assert len(name.encode()) <= LONGEST_NAME


@pytest.mark.parametrize("name", ["notes.txt", "clip", "clip.mp4.exe", "mp4", ".mp4", "page.html"])
def test_a_name_without_an_extension_the_folder_takes_is_refused(name: str) -> None:
    with pytest.raises(ReelworksError) as refused:
        accepted_name(name, INBOX)
    assert refused.value.code == "refused_format"
    assert ".mp4, .m4v" in refused.value.hint


def test_a_name_the_folder_ignores_is_refused_since_it_would_never_be_found_again() -> None:
    with pytest.raises(ReelworksError, match="ignores"):
        accepted_name("draft-1.mp4", INBOX)


def test_extensions_are_compared_without_case() -> None:
    assert accepted_name("CLIP.MKV", INBOX) == "CLIP.MKV"


def test_the_first_watched_folder_takes_uploads_unless_another_is_named() -> None:
    assert watched_folder((INBOX, OTHER), None, ROOT) is INBOX
    for named in ("/srv/other", "/srv/other/", "other", "./other", "x/../other/"):
        assert watched_folder((INBOX, OTHER), named, ROOT) is OTHER
    with pytest.raises(ReelworksError, match="no watched folder") as none:
        watched_folder((), None, ROOT)
    assert none.value.hint.endswith("pipeline.yml.")
    with pytest.raises(ReelworksError, match="inbox is not a watched folder") as none:
        watched_folder((), "inbox", ROOT)
    assert none.value.hint.endswith("pipeline.yml.")


@pytest.mark.parametrize("named", ["/etc", "", "..", "/srv/inbox/below", "inbox\0", "~\0"])
def test_a_folder_that_is_not_watched_is_refused_with_those_that_are(named: str) -> None:
    with pytest.raises(ReelworksError, match="is not a watched folder") as refused:
        watched_folder((INBOX, OTHER), named, ROOT)
    assert refused.value.code == "not_watched"
    assert "Valid: /srv/inbox, /srv/other." in refused.value.hint
