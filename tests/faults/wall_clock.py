"""A wall clock of a fault run's own, for the programs that are started with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

#: What compiles the few lines of C that it takes; without one there is no such clock.
COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """A clock that can be turned while programs run by it. Its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "wall_clock.so"
        self._file = folder / "clock"
        # Servers run as users of their own, and must be able to read both.
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        argv = [COMPILER or "cc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE)]
        subprocess.run(argv, check=True)
        self.turn(0)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a program run by this clock."""
        return {"LD_PRELOAD": str(self._library), "FAULTS_CLOCK": str(self._file)}

    def turn(self, seconds: int) -> None:
        """Set how far it is ahead of the real one, or behind where negative."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds}\n")
        new.chmod(0o644)
        new.replace(self._file)
