"""Files whose names are not text are left alone, told of once, and hide no other file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.stack.machine_checks import names
from tests.integration.ingest.inbox import unknown_files

if TYPE_CHECKING:
    import pytest

    from tests.integration.ingest.inbox import Inbox


def put_nameless(inbox: Inbox) -> Path:
    path = Path(os.fsdecode(bytes(inbox.folder.path) + b"/b\xff.mp4"))
    path.write_text("a clip")
    return path


def test_a_name_that_is_not_text_is_told_once_and_the_others_are_found(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    put_nameless(inbox)
    others = [inbox.put("a.mp4"), inbox.put("c.mp4")]
    for _ in range(3):
        assert unknown_files(inbox.ready, inbox.folder) == others
    assert caplog.text.count("its name is not UTF-8") == 1


def test_the_doctor_names_files_that_are_left_alone(inbox: Inbox) -> None:
    (fine,) = names(inbox.ready.settings)
    assert fine.state == "ok"
    put_nameless(inbox)
    (found,) = names(inbox.ready.settings)
    assert found.state == "warning"
    assert "b\\xff.mp4 is not valid UTF-8" in found.detail
    assert "convmv" in found.hint
