"""A source written anew while its job works on it: what is in it then is processed, once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.media import make_clip
from tests.system import System, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.stack


def _in_its_place(source: Path, content: bytes) -> None:
    source.write_bytes(content)


def _as_it_was(source: Path, content: bytes) -> None:
    """Write it anew with size and time as before: only its content tells."""
    was = source.stat()
    assert len(content) <= was.st_size
    with source.open("r+b") as file:
        file.write(content + bytes(was.st_size - len(content)))
    os.utime(source, ns=(was.st_atime_ns, was.st_mtime_ns))


def _by_another(source: Path, content: bytes) -> None:
    beside = source.with_name(f".{source.name}.new")
    beside.write_bytes(content)
    beside.replace(source)


@pytest.mark.parametrize("anew", [_in_its_place, _as_it_was, _by_another])
def test_what_a_source_is_in_the_end_is_processed_once(
    system: System, tmp_path: Path, anew: Callable[[Path, bytes], None]
) -> None:
    name = f"rewritten{anew.__name__}.mp4"
    seed = len(anew.__name__) * 10
    long = make_clip(tmp_path / "long.mp4", seconds=12, size="1280x720", seed=seed)
    short = make_clip(tmp_path / "short.mp4", seconds=1, seed=seed + 1)
    source = system.drop(long, name, folder="slow")
    system.encoding(name)
    anew(source, short.read_bytes())
    content = hashlib.blake2b(source.read_bytes(), digest_size=32).hexdigest()

    def done() -> list[dict[str, Any]] | None:
        found = system.jobs_of(name)
        # The job of what was there first may end before the other one is made.
        whole = any(job["state"] == "succeeded" for job in found)
        return found if whole and all(job["finished_at"] for job in found) else None

    found = eventually(done, f"what became of {name}")
    succeeded = [job for job in found if job["state"] == "succeeded"]
    assert [job["source"]["fingerprint"] for job in succeeded] == [content]
    others = [job["error"]["code"] for job in found if job not in succeeded]
    assert others == (["source_replaced"] if anew is _by_another else [])
