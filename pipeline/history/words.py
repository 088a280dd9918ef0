"""Words: what people call steps and what happened, on pages and in a terminal alike."""

from __future__ import annotations

import re

#: What people call the steps that are not renditions.
STEP_WORDS = {"probe": "Examine", "thumbnail": "Poster", "manifest": "Package and verify"}
_STEP = r"(?:(?:rendition|range):[^\s:,]+|probe|thumbnail|manifest)"
#: The steps' names where a message of the log begins with them.
_STEPS_FIRST = re.compile(rf"{_STEP}(?:, {_STEP})*(?=[ :])")


def step_word(name: str) -> str:
    """Name a step as people call it."""
    kind, _, rung = name.partition(":")
    if kind == "range":
        return f"Part {int(rung)}"
    return rung.capitalize() if rung else STEP_WORDS.get(kind, kind)


def step_first(message: str) -> tuple[str, str]:
    """Part a message of the log into the steps it begins with, maybe none, and the rest."""
    found = _STEPS_FIRST.match(message)
    return ("", message) if found is None else (found[0], message[found.end() :])


def message_words(message: str) -> str:
    """Write a message of the log with the steps it begins with as people call them."""
    names, rest = step_first(message)
    return ", ".join(map(step_word, names.split(", "))) + rest if names else message
