"""Outputs: checksums, playlists, manifest and pictures of a job, and one of its films decoded."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import m3u8
from defusedxml import ElementTree

from pipeline.media import checksums
from pipeline.media.checksums import JOB_FILE, NotRecorded
from tests.media import ENVIRONMENT, streams, tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.models import Job, Rendition

#: How long one film may take to be decoded, seconds.
DECODED_S = 120
#: "$Number$" or "$Number%05d$" of a DASH template.
NUMBER = re.compile(r"\$Number(?:%0(\d+)d)?\$")
#: A cue of a storyboard: the sheet, and the place of a picture on it.
TILE = re.compile(r"(?m)^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$")


def wrong_outputs(job: Job) -> list[str]:
    """Read back all that a job says it made; names what is missing, damaged or too much."""
    folder = Path(job.output_directory or "/nowhere")
    if not folder.is_dir():
        return [f"its output folder {folder} is not there"]
    outputs = job.outputs or {}
    found = [*_sums(folder, job.id, outputs.get("job_file_sha256"))]
    found += _renditions(folder, job.renditions)
    found += _pictures(folder, outputs) + _storyboard(folder, outputs.get("storyboard"))
    return found + _hls(folder) + _dash(folder)


def _sums(folder: Path, job_id: str, job_file_sha256: str | None) -> Iterator[str]:
    """Compare the folder with its checksums, as `reelworks verify` does; a file too much counts."""
    try:
        said = checksums.recorded(folder)
    except NotRecorded as why:
        yield str(why)
        return
    if said.job_id != job_id:
        yield f"{JOB_FILE} is of job {said.job_id}"
    if checksums.sha256(folder / JOB_FILE) != job_file_sha256:
        yield f"{JOB_FILE} is not the one that was published"
    if said.files is None:
        yield f"{JOB_FILE} has no checksums"
    for problem in checksums.compare(folder, said.files or ()):
        yield f"{problem.path} is {problem.what} {problem.detail}".strip()


def _renditions(folder: Path, renditions: Sequence[Rendition]) -> list[str]:
    found, pictures = [], []
    for rendition in renditions:
        path = folder / rendition.path
        if not path.is_file() or path.stat().st_size != rendition.bytes:
            found.append(f"{rendition.path} is not {rendition.bytes} bytes long")
            continue
        video = [one for one in streams(path) if one["codec_type"] == "video"]
        if video and int(video[0]["nb_read_packets"]) != rendition.frames:
            found.append(f"{rendition.path} has not {rendition.frames} frames")
        pictures += [(rendition.height, path)] if video else []
    if not pictures:
        return [*found, "it has no film"]
    # The smallest: decoding all would take longer than making them.
    return found + _decoded(min(pictures)[1])


def _decoded(path: Path) -> list[str]:
    argv = [str(tools().ffmpeg), "-nostdin", "-v", "error", "-xerror", "-i", str(path)]
    told = subprocess.run(
        [*argv, "-f", "null", "-"],
        check=False,
        timeout=DECODED_S,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    said = told.stderr.strip()
    return [f"{path.name} can't be decoded: {said}"] if told.returncode or said else []


def _size(path: Path) -> tuple[int, int] | None:
    """Tell the width and height of a picture, None where it is none."""
    if not path.is_file():
        return None
    try:
        (one,) = [one for one in streams(path) if one["codec_type"] == "video"]
    except (subprocess.CalledProcessError, ValueError):
        return None
    return int(one["width"]), int(one["height"])


def _pictures(folder: Path, outputs: Mapping[str, Any]) -> list[str]:
    """See that each poster is there, a picture, and as large as was planned."""
    planned = {one["path"]: (one["width"], one["height"]) for one in outputs.get("posters") or ()}
    found = [
        f"{path} is {size}, not {planned[path]}"
        for path in planned
        if (size := _size(folder / path)) != planned[path]
    ]
    return found if outputs.get("poster") in planned else [*found, "it has no poster"]


def _storyboard(folder: Path, name: str | None) -> list[str]:
    if name is None or not (folder / name).is_file():
        return ["it has no storyboard"]
    tiles = TILE.findall((folder / name).read_text())
    if not tiles:
        return [f"{name} shows no picture"]
    found = []
    for sheet in sorted({sheet for sheet, *_ in tiles}):
        size = _size(folder / unquote(sheet))
        places = [tuple(map(int, place)) for one, *place in tiles if one == sheet]
        needed = max(x + w for x, _, w, _ in places), max(y + h for _, y, _, h in places)
        if size is None or size[0] < needed[0] or size[1] < needed[1]:
            found.append(f"{sheet} is {size}: {name} needs {needed}")
    return found


def _hls(folder: Path) -> list[str]:
    master = folder / "stream" / "master.m3u8"
    if not master.is_file():
        return ["there is no master.m3u8"]
    lists = m3u8.load(str(master))
    named = [one.uri for one in lists.playlists] + [one.uri for one in lists.media if one.uri]
    named += [one.uri for one in lists.iframe_playlists]
    found = [] if lists.playlists else ["master.m3u8 names no playlist"]
    for uri in named:
        path = master.parent / unquote(str(uri))
        found += _playlist(path) if path.is_file() else [f"{uri} is not there"]
    return found


def _playlist(path: Path) -> list[str]:
    """See that all parts of a playlist are there, each as long as it is read."""
    playlist = m3u8.load(str(path))
    if not playlist.segments or not playlist.is_endlist:
        return [f"{path.name} is not whole"]
    parts = [(one.uri, one.byterange) for one in playlist.segments]
    parts += [(one.uri, one.byterange) for one in playlist.segment_map if one is not None]
    found = []
    for uri, span in parts:
        part = path.parent / unquote(str(uri))
        length, _, start = (span or "1").partition("@")
        needed = int(length) + int(start or 0)
        if not part.is_file() or part.stat().st_size < needed:
            found.append(f"{uri} of {path.name} is not there, or shorter than {needed} bytes")
    return found


def _dash(folder: Path) -> list[str]:
    """See that every part of every representation is there."""
    manifest = folder / "stream" / "manifest.mpd"
    try:
        root = ElementTree.parse(manifest).getroot()
    except (OSError, ElementTree.ParseError) as problem:
        return [f"manifest.mpd can't be read: {problem}"]
    sets = root.findall(".//{*}Representation") if root is not None else []
    if not sets:
        return ["manifest.mpd has no representation"]
    found = []
    for one in sets:
        parts = list(_parts(one))
        if not parts:
            found.append(f"representation {one.get('id')} has no parts")
        found += [
            f"{part} of representation {one.get('id')} is not there"
            for part in parts
            if not (manifest.parent / part).is_file() or not (manifest.parent / part).stat().st_size
        ]
    return found


def _parts(representation: Any) -> Iterator[str]:
    """List the parts of a representation: by its template, or the one file that it names."""
    for base in representation.findall("{*}BaseURL"):
        yield unquote(base.text)
    for template in representation.findall("{*}SegmentTemplate"):
        yield unquote(template.get("initialization"))
        number = int(template.get("startNumber", "1"))
        for span in template.findall(".//{*}S"):
            for _ in range(int(span.get("r", "0")) + 1):
                yield unquote(_numbered(template.get("media"), number))
                number += 1


def _numbered(media: str, number: int) -> str:
    return NUMBER.sub(lambda found: f"{number:0{found[1] or 1}d}", media)
