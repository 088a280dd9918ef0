"""Is a folder on a network file system, where the kernel tells nothing of what others write?"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.pipeline import WatchFolder

#: `f_type` of statfs(2) for file systems that others may write to, or whose events don't reach
#: inotify (magic numbers of linux/magic.h and of the file systems' own sources).
NETWORK = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "SMB",
    0xFE534D42: "SMB",
    0x65735546: "FUSE",
    0x01021997: "9P",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x73757245: "Coda",
    0x00C36400: "Ceph",
    0x0BD00BD0: "Lustre",
    0x19830326: "BeeGFS",
    0x7461636F: "OCFS2",
    0x01161970: "GFS2",
    0x786F4256: "VirtualBox",
    0xBACBACBC: "VMware",
    0x7C7C6673: "Parallels",
    0x47504653: "GPFS",
}
#: More than any kernel's `struct statfs` takes.
_ROOM = 256


def network_kind(place: Path | int) -> str | None:
    """Name the network file system a folder, or an open file, is on; None for a local one.

    Raises `OSError`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    found = ctypes.create_string_buffer(_ROOM)
    if isinstance(place, int):
        failed = libc.fstatfs(place, found)
    else:
        failed = libc.statfs(os.fsencode(place), found)
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(place))
    # The first member, a machine word; some kernels sign-extend 32 bits into it.
    magic = ctypes.c_long.from_buffer(found).value & 0xFFFFFFFF
    return NETWORK.get(magic)


def is_polled(entry: WatchFolder) -> bool:
    """Whether the folder is listed again and again: as its entry says, or as it must be.

    Raises `OSError`.
    """
    return entry.polling or network_kind(entry.path) is not None
