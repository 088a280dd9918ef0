"""Read HLS and DASH back: every file they name must be there, and whole."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import m3u8
from defusedxml import ElementTree

from pipeline.media.errors import MediaError
from pipeline.plan.names import MASTER, MPD, playlist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

_DASH = "{urn:mpeg:dash:schema:mpd:2011}"


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
    representations = [] if root is None else list(root.iter(f"{_DASH}Representation"))
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
    """List the files of a representation with a numbered template and a timeline."""
    template = representation.find(f"{_DASH}SegmentTemplate")
    if template is None:
        raise _bad(MPD, f"rendition {representation.get('id')} has no segments")
    yield template.get("initialization", "")
    number = int(template.get("startNumber", "1"))
    for entry in template.iter(f"{_DASH}S"):
        for _ in range(int(entry.get("r", "0")) + 1):
            yield _numbered(template.get("media", ""), number)
            number += 1


def _numbered(template: str, number: int) -> str:
    before, _, rest = template.partition("$Number")
    width, _, after = rest.partition("$")
    return f"{before}{(width or '%d') % number}{after}"


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
