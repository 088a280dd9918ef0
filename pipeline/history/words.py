"""Words: what people call steps and what happened, on pages and in a terminal alike."""

from __future__ import annotations

import re

#: What people call the steps that are not renditions.
STEP_WORDS = {"probe": "Examine", "thumbnail": "Poster", "manifest": "Package and verify"}
#: A step's name where a message of the log begins with it.
_STEP_FIRST = re.compile(r"((?:rendition|range):[^\s:]+|probe|thumbnail|manifest)(?=[ :])")


def step_word(name: str) -> str:
    """Name a step as people call it."""
    kind, _, rung = name.partition(":")
    if kind == "range":
        return f"Part {int(rung)}"
    return rung.capitalize() if rung else STEP_WORDS.get(kind, kind)


def message_words(message: str) -> str:
    """Write a message of the log with the step it begins with as people call it."""
    found = _STEP_FIRST.match(message)
    return message if found is None else step_word(found[0]) + message[found.end() :]
