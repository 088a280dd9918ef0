"""Look for known vulnerabilities in the locked dependencies: `audit.py [LOCKFILE]`.

pip-audit asks the package index for advisories. Not every index has them: one package is asked
about first, and where nothing is known of it the audit is said to be left out. What is installed
is what was locked in any case: every package is checked against its hash.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

LOCK = Path(__file__).parent.parent / "requirements.lock"
#: How long the index may take for an answer, seconds, and for all of them.
ANSWER_S, ALL_S = 15, 300
#: A locked package: its name and version, and the lines of its hashes.
PACKAGE = re.compile(r"^[A-Za-z0-9][^\n]*?==[^\n]*\\\n(?: +--hash=[^\n]*\n)+", re.MULTILINE)


def asked(lock: str) -> list[dict[str, Any]] | None:
    """Give what is known of each package of a lock file's text; None when nobody answers."""
    with NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(lock)
        file.flush()
        argv = [str(Path(sys.executable).parent / "pip-audit"), "--disable-pip", "--require-hashes"]
        argv += ["-r", file.name, "--format", "json", "--timeout", str(ANSWER_S)]
        try:
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=ALL_S)
            found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None
    return found


def main() -> int:
    """Audit, and tell; 1 when a vulnerability is known."""
    lock = Path(sys.argv[1]) if len(sys.argv) > 1 else LOCK
    packages = PACKAGE.findall(lock.read_text())
    first = asked(packages[0])
    if not first or any("skip_reason" in one for one in first):
        print(f"No advisories can be had here: {len(packages)} packages are held by hashes alone.")
        return 0
    known = asked("".join(packages)) or []
    found = [(one, flaw) for one in known for flaw in one.get("vulns", ())]
    for one, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no release yet"
        print(f"{one['name']} {one['version']}: {flaw['id']}, mended in {mended}")
    skipped = [one["name"] for one in known if "skip_reason" in one]
    print(f"{len(known) - len(skipped)} of {len(packages)} packages audited, {len(found)} flaws.")
    return 1 if found or not known else 0


if __name__ == "__main__":
    sys.exit(main())
