"""Read HLS and DASH back: every file they name must be there, and whole."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import m3u8
from defusedxml import ElementTree

from pipeline.media.errors import MediaError
from pipeline.plan.mpd import DASH, initialization, timeline
from pipeline.plan.names import MASTER, MPD, playlist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element


def check_hls(folder: Path, names: Sequence[str]) -> None:
    """See that the master playlist names every rendition, and all that it names is there.

    Raises `MediaError` (`verify_failed`) naming what is missing.
    """
    master_path = _there(folder / MASTER)
    master = m3u8.loads(master_path.read_text())
    if not master.playlists:
        raise _bad(MASTER, "it names no rendition")
    named = {entry.uri for entry in [*master.playlists, *master.media]}
    for name in names:
        if PurePosixPath(playlist(name)).name not in named:
            raise _bad(MASTER, f"it does not name {name}")
    playlists = [*master.playlists, *master.iframe_playlists, *master.media]
    for uri in {entry.uri for entry in playlists if entry.uri}:
        _check_playlist(_there(master_path.parent / uri))


def playlist_files(path: Path) -> list[Path]:
    """List the files of a media playlist in order, its initialization first."""
    listed = m3u8.loads(path.read_text())
    named = [section.uri for section in listed.segment_map] + [one.uri for one in listed.segments]
    return [path.parent / uri for uri in named]


def _check_playlist(path: Path) -> None:
    playlist = m3u8.loads(path.read_text())
    if not playlist.segments or not playlist.is_endlist:
        raise _bad(path.name, "it holds no segments, or does not end")
    for section in playlist.segment_map:
        _there(path.parent / section.uri)
    for segment in playlist.segments:
        _there(path.parent / segment.uri)


def check_dash(folder: Path, folders: Sequence[str]) -> dict[str, list[Path]]:
    """See that the manifest can be parsed, names every one of `folders`, and all is there.

    Gives each rendition's files in order, its initialization first, by the name of the folder
    they lie in. Raises `MediaError` (`verify_failed`) naming what is missing.
    """
    path = _there(folder / MPD)
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise _bad(MPD, f"it is not XML: {error}") from error
    representations = [] if root is None else list(root.iter(f"{DASH}Representation"))
    if not representations:
        raise _bad(MPD, "it names no rendition")
    found: dict[str, list[Path]] = {}
    for one in representations:
        files = [_there(path.parent / uri) for uri in _segments(one)]
        found[files[0].parent.name] = files
    for name in folders:
        if name not in found:
            raise _bad(MPD, f"it does not name {name}")
    return found


def _segments(representation: Element) -> Iterator[str]:
    """List the files of a representation, its initialization first."""
    if not initialization(representation):
        raise _bad(MPD, f"rendition {representation.get('id')} has no segments")
    yield initialization(representation)
    yield from (name for name, _ in timeline(representation))


def _there(path: Path) -> Path:
    if not path.is_file() or not path.stat().st_size:
        raise _bad(path.name, "it is missing or empty")
    return path


def _bad(name: str, what: str) -> MediaError:
    return MediaError(
        "verify_failed",
        f"The stream's {name} is not right: {what}.",
        "Please report it with what `reelworks logs` shows.",
    )
