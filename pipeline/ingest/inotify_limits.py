"""The kernel's limits on watching, and how to raise them (inotify(7), "/proc interfaces")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

INOTIFY = Path("/proc/sys/fs/inotify")
#: What warnings say; the doctor says it in full.
HOW_TO_RAISE = "`reelworks doctor` says how to raise the kernel's limits."
#: Other programs of the same user need instances too: an editor or a desktop holds dozens.
FEW_INSTANCES = 64
#: Files that may be dropped at once before the kernel drops events: three events each.
FEW_EVENTS = 16_384
#: What is advised: a watch takes about a kilobyte of the kernel's memory, and only when used.
ADVISED = {
    "max_user_watches": 524_288,
    "max_user_instances": 1024,
    "max_queued_events": 131_072,
}
FILE = "/etc/sysctl.d/60-reelworks.conf"


@dataclass(frozen=True)
class Limits:
    """How many folders and instances a user may watch, and how many events may wait."""

    max_user_watches: int
    max_user_instances: int
    max_queued_events: int

    @classmethod
    def read(cls, folder: Path = INOTIFY) -> Limits:
        """Read the kernel's limits. Raises `OSError`."""
        return cls(**{name: int((folder / name).read_text()) for name in ADVISED})

    def too_low(self, folders: int) -> list[str]:
        """Name the limits that don't suffice to watch so many folders."""
        few = {
            "max_user_watches": folders > self.max_user_watches,
            "max_user_instances": self.max_user_instances < 1,
        }
        return [name for name, is_few in few.items() if is_few]

    def low(self, folders: int) -> list[str]:
        """Name the limits that leave little room when so many folders are watched."""
        few = {
            "max_user_watches": folders * 2 > self.max_user_watches,
            "max_user_instances": self.max_user_instances < FEW_INSTANCES,
            "max_queued_events": self.max_queued_events < FEW_EVENTS,
        }
        return [name for name, is_few in few.items() if is_few]


def how_to_raise(names: list[str], folders: int) -> str:
    """Say how to raise these limits, now and for every start of the machine."""
    wanted = {name: ADVISED[name] for name in names}
    if "max_user_watches" in wanted:
        wanted["max_user_watches"] = max(wanted["max_user_watches"], folders * 4)
    lines = " ".join(f"fs.inotify.{name}={value}" for name, value in wanted.items())
    return (
        f"As root: `printf '%s\\n' {lines} >> {FILE} && sysctl --system`. "
        "Or set `polling: true` for the folder in pipeline.yml."
    )
