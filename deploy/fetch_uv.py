"""Fetch uv with nothing but the standard library: where Python comes without pip.

    python3 deploy/fetch_uv.py TARGET
    python3 deploy/fetch_uv.py --index      only print the index

The index is the one that uv or pip are told of, by environment or by pip's files: PIP_INDEX_URL,
UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_CONFIG_FILE, pip.conf. The wheel must have one of the hashes in
requirements-uv.lock. Exits 3 when no index is named, 1 when nothing there can be used.
"""

from __future__ import annotations

import configparser
import hashlib
import io
import os
import platform
import re
import sys
import urllib.request
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

NO_INDEX = 3
LOCK = Path(__file__).parent.parent / "requirements-uv.lock"
#: How long the index may take to answer, seconds.
TIMEOUT_S = 60
HOME = Path(os.environ.get("HOME", "/"))
CONFIGURATION = HOME / ".config"
FILES = (
    Path(os.environ.get("PIP_CONFIG_FILE", "/nowhere")),
    Path(os.environ.get("XDG_CONFIG_HOME", CONFIGURATION)) / "pip" / "pip.conf",
    HOME / ".pip" / "pip.conf",
    Path("/etc/xdg/pip/pip.conf"),
    Path("/etc/pip.conf"),
)


class Links(HTMLParser):
    """Collects where the links of an index's page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link's address."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def index() -> str | None:
    """Give the index that is configured for uv or pip; None when none is."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    for file in FILES:
        options = configparser.RawConfigParser(strict=False)
        options.read(file, encoding="utf-8")
        for section in ("install", "global"):
            if options.has_option(section, "index-url"):
                return options.get(section, "index-url")
    return None


def fits(name: str) -> bool:
    """Whether a file of this name is a wheel for this machine."""
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    system = {"Linux": libc, "Darwin": "macosx"}.get(platform.system(), "win")
    return bool(re.search(rf"-{system}[^-]*_{platform.machine()}(\.[^-]*)?\.whl$", name))


def get(address: str) -> bytes:
    """Read what is at the address. Raises `OSError`."""
    with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310 - configured
        content: bytes = answer.read()
    return content


def wheel(address: str) -> bytes:
    """Find the locked wheel for this machine. Raises `LookupError`, `OSError`."""
    page = address.rstrip("/") + "/uv/"
    version = re.search(r"^uv==(\S+)", LOCK.read_text(), re.MULTILINE)
    hashes = set(re.findall(r"sha256:([0-9a-f]{64})", LOCK.read_text()))
    links = Links()
    links.feed(get(page).decode("utf-8", "replace"))
    for link in links.found:
        name = urlsplit(link).path.rpartition("/")[2]
        if version and name.startswith(f"uv-{version[1]}-") and fits(name):
            content = get(urljoin(page, link))
            if hashlib.sha256(content).hexdigest() in hashes:
                return content
    raise LookupError(f"the index holds no uv for {platform.platform()} with a hash we know")


def main(target: Path) -> int:
    """Put uv at `target`."""
    address = index()
    if address is None:
        print("no package index is named to fetch uv from", file=sys.stderr)
        return NO_INDEX
    try:
        files = zipfile.ZipFile(io.BytesIO(wheel(address)))
        inner = next(name for name in files.namelist() if name.endswith(".data/scripts/uv"))
    except (LookupError, OSError, StopIteration, zipfile.BadZipFile) as problem:
        print(f"uv could not be fetched: {problem}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(files.read(inner))
    target.chmod(0o755)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--index":
        print(index() or "")
        sys.exit(0)
    sys.exit(main(Path(sys.argv[1])))
