"""Fate: what became of a job's source once the job had ended."""

from __future__ import annotations

import enum


class SourceFate(enum.StrEnum):
    """What was found or done when the source was seen to.

    `KEPT` is still where it was found, `MOVED` was put where its folder's entry says, `DELETED` was
    deleted as that says. The other two are the doing of others: `GONE` was no longer there,
    and of `REPLACED` another file, or other content, had taken the place, and stayed.
    """

    KEPT = "kept"
    MOVED = "moved"
    DELETED = "deleted"
    GONE = "gone"
    REPLACED = "replaced"


#: How people are told, beside where the source is or was.
FATE_WORDS = {
    SourceFate.KEPT: "kept",
    SourceFate.MOVED: "moved here",
    SourceFate.DELETED: "deleted",
    SourceFate.GONE: "gone when the job had ended",
    SourceFate.REPLACED: "another file is there now",
}


def later_fate(former: str | None, found: SourceFate | None) -> SourceFate | None:
    """Join what is found of a source now to what became of it before.

    What was moved and is still there was moved, and what was deleted is gone because of that: so
    it is for a second job of the same file, and for one that was run again.
    """
    undone = {SourceFate.KEPT: SourceFate.MOVED, SourceFate.GONE: SourceFate.DELETED}
    before = SourceFate(former) if former else None
    return before if found in undone and undone[found] is before else found
