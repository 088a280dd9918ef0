"""What profiles name that is not on this machine: parts start all the same, but jobs fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.settings.document import read_document
from pipeline.settings.load import PROFILES
from pipeline.settings.unreadable import NOT_THERE, why_unreadable

if TYPE_CHECKING:
    from pipeline.settings.errors import ConfigurationError
    from pipeline.settings.load import Settings

HINT = "Put a picture there (PNG, JPEG or WebP), or take `watermark` out of the profile."
MAY_NOT = "Let the user who runs Reelworks read it, and enter the folders above it."


def missing_watermarks(settings: Settings) -> list[ConfigurationError]:
    """List the profiles whose watermark is not there or can't be read, each with its line."""
    document = read_document(settings.config_dir / PROFILES, os.environ, settings.root)
    return [
        document.error(
            (name, "watermark", "file"),
            wrong,
            str(mark.file),
            HINT if wrong == NOT_THERE else MAY_NOT,
        )
        for name, profile in settings.profiles.items()
        if (mark := profile.watermark) is not None and (wrong := why_unreadable(mark.file))
    ]
