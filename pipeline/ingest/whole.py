"""Whether a file is whole: nobody has it open for writing, and its own boxes say it is complete."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
from typing import TYPE_CHECKING

from pipeline.ingest.mounts import network_kind
from pipeline.ingest.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

#: Extensions of files made of ISO boxes, whose sizes tell where the file must end.
BOXED = frozenset({".mp4", ".m4v", ".m4a", ".mov", ".3gp", ".3g2"})
#: Kinds of shares whose servers grant leases. Where one was not granted, the kernel refuses as it
#: does for a writer, though there is none (Linux: `nfs4_add_lease`, `cifs_setlease`).
LEASED_BY_SERVER = frozenset({"NFS", "SMB"})
_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
#: A box this far down was reached by following nonsense.
_MOST_BOXES = 100_000


def being_written(path: Path, *, follow: bool = False) -> bool:
    """Whether some process on this machine has the file open for writing. Raises `OSError`.

    Asked of the kernel by a read lease, which it refuses while there is a writer (fcntl(2),
    F_SETLEASE). Where leases don't exist (network shares, other owners' files) the answer is
    False, and only the settling time protects. Nothing but a regular file is opened, and without
    `follow` no link to one: what lay there a moment ago may be replaced.
    """
    with open_regular(path, follow=follow) as file:
        return _has_writer(file)


def unfinished(path: Path, *, patient: bool) -> bool:
    """Whether a file has a writer or, unless one is `patient`, ends early; it is opened once.

    Raises `OSError`.
    """
    with open_regular(path) as file:
        return _has_writer(file) or (not patient and _ends_early(file, path))


def ends_early(path: Path) -> bool:
    """Whether the file's own structure says that more is to come. Raises `OSError`.

    True for an empty file, and for an MP4 or MOV whose last box reaches past the end of the file
    or that has no `moov` box yet. Such a file may be broken for good; it deserves a longer wait
    before it is called so.
    """
    with open_regular(path) as file:
        return _ends_early(file, path)


def _has_writer(file: BinaryIO) -> bool:
    handle = file.fileno()
    try:
        # Who opens the file for writing in this instant makes the kernel signal us, and the
        # signal it would choose ends a process; SIGURG is ignored unless somebody handles it.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as problem:
        refused = problem.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
        return refused and network_kind(handle) not in LEASED_BY_SERVER
    return False


def _ends_early(file: BinaryIO, path: Path) -> bool:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        return True
    return path.suffix.lower() in BOXED and _boxes_end_early(file, size)


def _boxes_end_early(file: BinaryIO, size: int) -> bool:
    offset, kinds = 0, set()
    for _ in range(_MOST_BOXES):
        if offset == size:
            return b"ftyp" in kinds and b"moov" not in kinds
        file.seek(offset)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return b"ftyp" in kinds
        length, kind = _HEADER.unpack(header)
        kinds.add(kind)
        if offset == 0 and kind not in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            return False  # not made of boxes, whatever its name says
        if length == 1:
            long = file.read(_LONG.size)
            if len(long) < _LONG.size:
                return True
            (length,) = _LONG.unpack(long)
        if length == 0:
            return b"moov" not in kinds  # the last box reaches to the end, wherever that is
        if length < _HEADER.size:
            return False
        offset += length
        if offset > size:
            return True
    return False
