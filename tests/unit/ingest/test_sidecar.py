"""What may be said beside a file, and how what is wrong is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.ingest.sidecar import LARGEST, NOTHING, read_sidecar, stamp
from pipeline.settings.errors import ConfigurationError

PROFILES = ("web", "mobile")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tmp_path / "clip.mp4"


def write(clip: Path, text: str) -> Path:
    sidecar = Path(f"{clip}.yml")
    sidecar.write_text(text)
    return sidecar


def refused(clip: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        read_sidecar(clip, PROFILES)
    return caught.value


def test_without_a_sidecar_nothing_is_wished(clip: Path) -> None:
    assert read_sidecar(clip, PROFILES) == NOTHING
    assert stamp(clip, of_media=True) == ""


def test_a_tag_that_workers_may_have_can_be_asked_for(clip: Path) -> None:
    write(clip, "needs: big-disk\n")
    assert read_sidecar(clip, PROFILES, ("big-disk",)).needs == "big-disk"
    write(clip, "needs: bigdisc\n")
    with pytest.raises(ConfigurationError) as caught:
        read_sidecar(clip, PROFILES, ("big-disk",))
    assert "Did you mean 'big-disk'?" in caught.value.hint


def test_everything_can_be_said(clip: Path) -> None:
    write(
        clip,
        "profile: mobile\ntitle: The harbour\nlanguage: de\npriority: 9\n"
        "metadata: {artist: A. Camera, date: 2024}\n",
    )
    said = read_sidecar(clip, PROFILES)
    assert (said.profile, said.title, said.language, said.priority) == (
        *("mobile", "The harbour"),
        *("deu", 9),
    )
    assert said.metadata == {"artist": "A. Camera", "date": "2024"}
    assert stamp(clip, of_media=True) != ""


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        ("title: x\nprofil: web\n", 2, "profil: is not a key here", "Did you mean 'profile'?"),
        ("profile: mobil\n", 1, "profile: is not in profiles.yml", "Did you mean 'mobile'?"),
        (
            "needs: big-disk\n",
            1,
            "needs: is not one of `tags` in pipeline.yml",
            "`tags: [big-disk]`",
        ),
        ("needs: [big-disk]\n", 1, "needs: is not a tag", "like big-disk"),
        ("priority: 10\n", 1, "priority: must be at most 9", ""),
        ("\npriority: yes\n", 2, "priority: is not a whole number", ""),
        ("language: German\n", 1, "language: is not a language", "like de"),
        ("metadata: {'a b': c}\n", 1, "metadata: has the key 'a b'", "Use letters"),
        ("metadata:\n  artist: [a]\n", 2, "metadata.artist: is not text", "quotes"),
        ('title: "a\\nb"\n', 1, "title: has characters that can't be shown", "one line"),
        ("title: x\ntitle: y\n", 2, "title: it is written twice", "Keep one"),
        ("title: [\n", 2, "it is not YAML", ""),
        ("- profile\n", 1, "it holds no keys at the top", ""),
        ("a: &x [1]\ntitle: *x\n", 2, "it has an alias", "Write out"),
        (f"title: {'[' * 200}\n", 1, "it is too deep", ""),
        (f"title: {'x' * 1001}\n", 1, "title: is too long", "at most 1000"),
    ],
)
def test_a_wrong_sidecar_is_refused_with_its_line(
    clip: Path, text: str, line: int, problem: str, hint: str
) -> None:
    sidecar = write(clip, text)
    error = refused(clip)
    assert error.message.startswith(f"{sidecar}:{line}: {problem}")
    assert hint in error.hint


def test_a_stranger_reads_no_secret_by_it(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    (tmp_path / "secret").write_text("hunter2")
    write(clip, f"title: '${{env:SECRET}} ${{file:{tmp_path}/secret}}'\n")
    assert read_sidecar(clip, PROFILES).title == f"${{env:SECRET}} ${{file:{tmp_path}/secret}}"


def test_neither_links_nor_pipes_nor_folders_are_read(clip: Path, tmp_path: Path) -> None:
    sidecar = Path(f"{clip}.yml")
    (tmp_path / "secret").write_text("title: x\n")
    sidecar.symlink_to(tmp_path / "secret")
    assert "it is not a file" in refused(clip).message
    sidecar.unlink()
    os.mkfifo(sidecar)
    assert "it is not a file" in refused(clip).message
    sidecar.unlink()
    sidecar.mkdir()
    assert "it is not a file" in refused(clip).message


def test_what_is_too_large_or_no_text_is_refused(clip: Path) -> None:
    sidecar = write(clip, f"title: x\n#{'x' * LARGEST}\n")
    assert "it is too large" in refused(clip).message
    sidecar.write_bytes(b"title: \xff\n")
    assert f"{sidecar}:1: it is not text in UTF-8" in refused(clip).message


def test_another_ending_is_told_of(clip: Path) -> None:
    Path(f"{clip}.yaml").write_text("title: x\n")
    error = refused(clip)
    assert "sidecars end in .yml" in error.message
    assert error.hint == "Rename it to clip.mp4.yml."


def test_a_name_too_long_for_a_sidecar_has_none(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / f"{'x' * 251}.mp4", PROFILES) == NOTHING
