"""Health: decode what was published again, and say what of it is no longer whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import m3u8

from pipeline.media.checksums import JOB_FILE, NotRecorded, compare, recorded
from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.media.process import run
from pipeline.media.streams import check_dash, check_hls, playlist_files
from pipeline.plan.names import MASTER, MPD
from pipeline.plan.reading import (
    decode_argv,
    decode_encrypted_argv,
    decode_joined_argv,
    decrypting,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from pipeline.media.process import Completed, Progress
    from pipeline.media.tools import Tools

    Tick = Callable[[Progress], None] | None

#: Of what a decoder complains about, the end is enough.
COMPLAINT = 300
#: Where in memory a decoder was, which it says with each complaint.
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
#: Suffixes of what holds no frames to be decoded.
TEXTS = (".vtt", ".srt")


@dataclass(frozen=True)
class Published:
    """What an output folder is to hold: files by their paths in it, and frames where known.

    `frames` maps the path of each whole file to how many pictures it had when it was made.
    """

    files: tuple[str, ...]
    frames: dict[str, int]


@dataclass(frozen=True)
class Examined:
    """What was found: what is wrong, in sentences, and how many files and streams were decoded.

    `encrypted` counts the streams whose files are there, but were not decoded for want of the key.
    """

    problems: tuple[str, ...]
    decoded: int
    encrypted: int = 0


@dataclass(frozen=True)
class _Stream:
    name: str
    files: list[Path]
    encrypted: bool


def examine(
    tools: Tools,
    folder: Path,
    published: Published,
    *,
    key: SecretStr | None = None,
    on_tick: Tick = None,
) -> Examined:
    """Look at everything and decode it; reads as many bytes as there are, and takes their time.

    Encrypted streams are decrypted with `key`, 32 hexadecimal digits, while they are decoded: what
    is readable lies nowhere. Without it they are only looked for. Raises `TransientMediaError`
    when the decoder itself could not work.
    """
    if not folder.is_dir():
        return Examined((f"the folder {folder} is gone",), 0)
    problems: list[str] = []
    decoded = encrypted = 0
    for path in published.files:
        file = folder / path
        if not file.is_file() or not file.stat().st_size:
            problems.append(f"{path} is {'empty' if file.is_file() else 'gone'}")
        elif path in published.frames or file.suffix == ".m4a":
            decoded += 1
            problems += _decoded(tools, file, path, published.frames.get(path), on_tick)
    for check in (_hls, _dash):
        try:
            for stream in check(folder):
                if stream.encrypted and key is None:
                    encrypted += 1
                    continue
                decoded += 1
                problems += _decoded_stream(tools, stream, key, on_tick)
        except TransientMediaError:
            raise  # that is the decoder's trouble, and no damage
        except MediaError as error:
            problems.append(error.message)
    told = {problem.partition(" ")[0] for problem in problems}
    problems += [said for path, said in _changed(folder) if path not in told]
    return Examined(tuple(problems), decoded, encrypted)


def _changed(folder: Path) -> Iterator[tuple[str, str]]:
    """Tell of files whose bytes are others than were published, though they may be decoded."""
    try:
        files = recorded(folder).files
        for problem in compare(folder, files or ()):
            if problem.harmful:
                detail = f": {problem.detail}" if problem.detail else ""
                yield problem.path, f"{problem.path} is {problem.what}{detail}"
    except NotRecorded as why:
        yield JOB_FILE, str(why)


def _hls(folder: Path) -> Iterator[_Stream]:
    """Give the streams of HLS. Raises `MediaError`."""
    master = folder / MASTER
    if not master.is_file():
        return
    check_hls(folder, ())
    named = m3u8.loads(master.read_text("utf-8"))
    for uri in sorted({one.uri for one in [*named.playlists, *named.media] if one.uri}):
        path = master.parent / uri
        encrypted = "#EXT-X-KEY" in path.read_text("utf-8")
        files = playlist_files(path)
        if files and files[-1].suffix not in TEXTS:
            yield _Stream(str(path.relative_to(folder)), list(dict.fromkeys(files)), encrypted)


def _dash(folder: Path) -> Iterator[_Stream]:
    """Give the streams of DASH, where HLS does not share them."""
    manifest = folder / MPD
    if not manifest.is_file():
        return
    found = check_dash(folder, ())
    if (folder / MASTER).is_file():
        return
    encrypted = "ContentProtection" in manifest.read_text("utf-8")
    for name, files in sorted(found.items()):
        if not name.endswith("-mp4"):  # a text
            yield _Stream(f"stream/{name}", files, encrypted)


def _decoded(tools: Tools, file: Path, name: str, frames: int | None, on_tick: Tick) -> list[str]:
    done = run(decode_argv(tools.ffmpeg, file), fence=tools.fence(reads=[file]), on_tick=on_tick)
    found = _complaints(done, name)
    if frames is not None and not found and done.progress.frame != frames:
        found = [f"{name} has {done.progress.frame} pictures, not {frames}"]
    return found


def _decoded_stream(
    tools: Tools, stream: _Stream, key: SecretStr | None, on_tick: Tick
) -> list[str]:
    with TemporaryDirectory(prefix="reelworks-") as folder:  # which nobody else may enter
        listing = _written(Path(folder) / "listing", joined(stream.files))
        argv, decrypted = decode_joined_argv(tools.ffmpeg, listing), ""
        if stream.encrypted and key is not None:
            script = _written(Path(folder) / "script", decrypting(listing, key))
            argv = decode_encrypted_argv(tools.ffmpeg, script)
            decrypted = " (decrypted with the key that its profile has now)"
        fence = tools.fence(reads=[Path(folder), *{file.parent for file in stream.files}])
        found = _complaints(run(argv, fence=fence, on_tick=on_tick), stream.name)
        return [f"{problem}{decrypted}" for problem in found]


def _written(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return path


def _complaints(done: Completed, name: str) -> list[str]:
    said = _ADDRESS.sub("", " ".join(done.log.split()))[-COMPLAINT:]
    if done.returncode:
        return [f"{name} can't be decoded: {said or f'the decoder ended with {done.returncode}'}"]
    return [f"{name} is damaged: {said}"] if said else []
