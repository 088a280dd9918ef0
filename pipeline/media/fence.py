"""Fence: what a tool may see, write and take. The file it reads decides none of it."""

from __future__ import annotations

import math
import os
import resource
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.settings.values import Isolation

GIB = 1 << 30
#: Where programs and their libraries are; nothing of anybody's own.
SYSTEM = tuple(
    map(Path, ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store"))
)
#: What the C library, encoders and drivers look up: libraries, the clock, processors, memory.
LOOKED_UP = tuple(
    map(
        Path,
        (
            *("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/proc/cpuinfo"),
            *("/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system"),
            *("/dev/zero", "/dev/random", "/dev/urandom"),
        ),
    )
)
#: What drivers of graphics cards look up besides.
LOOKED_UP_BY_CARDS = tuple(
    map(
        Path,
        (
            *("/proc", "/sys", "/run/opengl-driver", "/etc/vulkan", "/etc/OpenCL"),
            *("/etc/glvnd", "/etc/nvidia", "/etc/libva.conf", "/etc/drirc"),
        ),
    )
)
#: Where their devices are, besides `/dev/nvidia*`.
CARDS = ("/dev/dri", "/dev/kfd", "/dev/dxg", "/dev/shm")  # noqa: S108 - what CUDA shares with its driver
#: Variables that tools get of ours: no other, for passwords and keys may be among them.
KEPT_VARIABLES = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"),
        *("GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "ONEVPL_SEARCH_PATH"),
    }
)
KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "LIBVA_", "DRI_", "MESA_", "VK_", "INTEL_")
#: Processor time between being asked to stop for having used too much and being killed, seconds.
CPU_GRACE_S = 30
#: Files a tool has open at once: the largest ladder takes tens, a driver of a card hundreds.
OPEN_FILES = 1024
#: The share of the machine's memory that one tool may take: the rest of Reelworks runs there too.
MEMORY_SHARE = 0.75
#: What one tool may write into one file, bytes, where nobody says otherwise.
FILE_BYTES = 500 * GIB


@dataclass(frozen=True)
class Fence:
    """What one run of a tool may see, write and take; without anything said, nothing of ours.

    `reads` are files and folders. `writes` are the files it is to make, and no others can be made
    then; or folders, for tools that choose names below them themselves. `cards` opens the devices
    of graphics cards. `memory_bytes` is what it may allocate (None: as much as it likes), `cpu_s`
    its processor time, all threads together, and `file_bytes` what it may write into one file.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    cards: bool = False
    memory_bytes: int | None = None
    cpu_s: float | None = None
    file_bytes: int = FILE_BYTES
    isolation: Isolation = "auto"


def limits(fence: Fence) -> list[str]:
    """Give the kernel's limits (getrlimit(2)), soft and hard, as prlimit(1) takes them.

    Memory is counted by what is really private and writable: libraries reserve addresses by the
    gigabyte that they never use. Drivers of cards map the whole card; their tools are not counted.
    A tool that crashes leaves no core dump of its whole memory on the disk.
    """
    found = ["core=0:0", _limit("fsize", fence.file_bytes), _limit("nofile", OPEN_FILES)]
    if fence.cpu_s is not None:
        # At the soft limit ffmpeg ends in order.
        found.append(_limit("cpu", max(1, math.ceil(fence.cpu_s)), CPU_GRACE_S))
    if fence.memory_bytes is not None and not fence.cards:
        found.append(_limit("data", fence.memory_bytes))
    return found


def _limit(name: str, most: int, grace: int = 0) -> str:
    """Write a limit, no higher than our own: raising that is refused."""
    _, ours = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    soft, hard = most, most + grace
    if ours != resource.RLIM_INFINITY:
        soft, hard = min(soft, ours), min(hard, ours)
    return f"{name}={soft}:{hard}"


def environment(ours: dict[str, str]) -> dict[str, str]:
    """Choose what a tool gets of our environment."""
    return {
        name: value
        for name, value in ours.items()
        if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)
    }


@lru_cache(maxsize=1)
def most_memory() -> int:
    """Choose what one tool may take of this machine's or this container's memory, bytes."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            told = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if told.isdigit():
            there = min(there, int(told))
    return int(there * MEMORY_SHARE)
