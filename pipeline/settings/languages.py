"""Languages: one spelling for each, whichever of the standards a file or a person writes."""

from __future__ import annotations


def three_letters(tag: str) -> str | None:
    """Give the code of ISO 639-2 (`fra`) for a tag like `fr`, `fre`, `fra` or `fr-CA`.

    MP4 and the packager carry no other. None for what is no known language, and for `und`.
    """
    import langcodes  # a tenth of a second, which who names no language need not wait

    try:
        code = langcodes.Language.get(tag.strip()).to_alpha3()
    except (ValueError, LookupError):
        return None
    return None if code == "und" else code
