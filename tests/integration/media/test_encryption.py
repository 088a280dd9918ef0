"""Encrypted streams: nothing of them can be read without the key, and all of it with the key."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from pipeline.media.errors import MediaError
from pipeline.media.health import Published, examine
from pipeline.media.package import package
from pipeline.media.process import run
from pipeline.plan.names import rendition_step
from tests.integration.media.making import QUICK, Made, make
from tests.media import ffmpeg, make_clip, shared, tools

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_ID, KEY = "6f651ae1dbe44434bcb4690d1564c41c", "0123456789abcdef" * 2


def _make(source: Path, folder: Path, scheme: str, **other: Any) -> Made:
    wanted = {"scheme": scheme, "key_id": KEY_ID, "key": KEY}
    return make(source, folder, **{"package": ["hls", "dash"], "encryption": wanted, **other})


def _joined(made: Made, name: str, target: Path) -> Path:
    folder = made.folder / "stream" / name
    parts = [folder / "init.mp4", *sorted(folder.glob("0*.m4s"))]
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def _decoded(path: Path, *options: str) -> tuple[int, str]:
    """Count the frames that can be decoded, and give what the decoder complained of."""
    argv = [str(tools().ffmpeg), "-nostdin", "-loglevel", "error", *options, "-i", str(path)]
    argv += ["-f", "framemd5", "-"]
    told = subprocess.run(argv, check=False, timeout=60, capture_output=True, text=True)
    frames = [line for line in told.stdout.splitlines() if not line.startswith("#")]
    return len(frames), told.stderr


@pytest.mark.parametrize("scheme", ["cbcs", "cenc"])
def test_only_who_has_the_key_sees_the_picture(tmp_path: Path, scheme: str) -> None:
    video = {**QUICK, "codec": ["h264", "vp9"]}
    made = _make(shared("bigbuckbunny.mp4"), tmp_path, scheme, video=video)
    assert {fact.frames for fact in made.facts} == {132}
    file = _joined(made, "v-144p", tmp_path / "joined.mp4")
    assert _decoded(file, "-decryption_key", KEY) == (132, "")
    assert _decoded(file)[1] != ""
    sound = _joined(made, "audio", tmp_path / "sound.mp4")
    count, complaints = _decoded(sound, "-decryption_key", KEY)
    assert count > 200
    assert complaints == ""
    for playlist in ("144p", "144p-vp9-iframe", "audio"):
        assert made.read(f"stream/{playlist}.m3u8").count("#EXT-X-KEY:METHOD=SAMPLE-AES") == 2
    manifest = made.read("stream/manifest.mpd")
    assert f'value="{scheme}" schemeIdUri="urn:mpeg:dash:mp4protection:2011"' in manifest
    assert 'cenc:default_KID="6f651ae1-dbe4-4434-bcb4-690d1564c41c"' in manifest


@pytest.mark.parametrize("kind", ["hls", "dash"])
def test_one_kind_of_stream_alone_is_encrypted_and_counted_too(tmp_path: Path, kind: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    made = _make(clip, tmp_path / "made", "cbcs", package=[kind])
    assert [fact.frames for fact in made.facts] == [50]


def test_words_stay_readable(tmp_path: Path) -> None:
    words, source = tmp_path / "words.srt", tmp_path / "film.mkv"
    words.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n")
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    ffmpeg("-i", str(clip), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", str(source))
    made = _make(source, tmp_path / "made", "cenc")
    assert "Hello" in made.read("stream/subtitles-1/00001.vtt")
    assert "EXT-X-KEY" not in made.read("stream/subtitles-1.m3u8")
    assert b"Hello" in (made.folder / "stream/subtitles-1-mp4/00001.m4s").read_bytes()


def test_the_key_is_in_no_output_argument_log_or_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def listening(argv: Sequence[str], **options: Any) -> Any:
        said.extend(argv)
        for part in argv:
            if part.startswith("--flagfile="):
                flags = Path(part.partition("=")[2])
                assert KEY in flags.read_text()
                assert flags.stat().st_mode & 0o077 == 0
                assert flags.parent.stat().st_mode & 0o077 == 0
        return run(argv, **options)

    monkeypatch.setattr("pipeline.media.package.run", listening)
    made = _make(make_clip(tmp_path / "clip.mp4", seconds=1), tmp_path / "made", "cbcs")
    (flags,) = [part.partition("=")[2] for part in said if part.startswith("--flagfile=")]
    assert not Path(flags).parent.exists()
    told = [*said, made.packaged.log, made.plan.model_dump_json(), json.dumps(made.said)]
    assert not any(KEY in one for one in told)
    for path in made.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert KEY.encode() not in data
            assert bytes.fromhex(KEY) not in data


def test_rot_of_an_encrypted_stream_is_found_with_the_key_which_no_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: list[str] = []

    def listening(argv: Sequence[str], **options: Any) -> Any:
        arguments.extend(argv)
        private = Path(argv[argv.index("-i") + 1].partition(":")[2])
        assert private.stat().st_mode & 0o077 == private.parent.stat().st_mode & 0o077 == 0
        arguments.append(str(private.parent))
        return run(argv, **options)

    monkeypatch.setattr("pipeline.media.health.run", listening)
    made = _make(make_clip(tmp_path / "clip.mp4", seconds=1), tmp_path / "made", "cbcs")
    published, key = Published((), {}), SecretStr(KEY)
    whole = examine(tools(), made.folder, published, key=key)
    no_sums = whole.problems  # no job wrote down what the files were
    assert [problem.partition(" ")[0] for problem in no_sums] == ["job.json"]
    assert (whole.decoded, whole.encrypted) == (2, 0)
    segment = made.folder / "stream/v-144p/00001.m4s"
    data = segment.read_bytes()
    at = len(data) * 6 // 10
    rotten = bytes(255 - byte for byte in data[at : at + 200])
    segment.write_bytes(data[:at] + rotten + data[at + 200 :])
    problem, *rest = examine(tools(), made.folder, published, key=key).problems
    assert tuple(rest) == no_sums
    assert problem.startswith("stream/144p.m3u8 is damaged: ")
    assert problem.endswith(" (decrypted with the key that its profile has now)")
    unread = examine(tools(), made.folder, published)
    assert (unread.problems, unread.decoded, unread.encrypted) == (no_sums, 0, 2)
    assert not any(KEY in told for told in [*arguments, problem])
    assert not any(Path(told).exists() for told in arguments if "/reelworks-" in told)


def test_without_the_key_nothing_is_packaged(tmp_path: Path) -> None:
    made = _make(make_clip(tmp_path / "clip.mp4", seconds=1), tmp_path / "made", "cbcs")
    names = [rendition_step(one.name) for one in made.plan.streams]
    again = tmp_path / "again"
    again.mkdir()
    inputs = dict.fromkeys(names, tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=KEY_ID) as caught:
        package(tools(), made.plan, inputs, again)
    assert caught.value.code == "key_missing"
    assert "profiles.yml" in caught.value.hint
