from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server that must see nobody."""
    with recording() as started:
        yield started


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of somebody else's on this machine; what is in it must never come out."""
    path = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    path.write_text(f"secret-{uuid.uuid4().hex}\n", encoding="utf-8")
    return path
