"""`encryption` of a profile: a key of the user's own for HLS and DASH (Common Encryption)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from pipeline.settings.errors import BadValue
from pipeline.settings.values import Part

#: Hexadecimal digits of a key, and of its id: 128 bits.
DIGITS = 32
_HOW = (
    "Write 32 digits 0-9 and a-f, in quotes; `python3 -c 'import secrets; "
    "print(secrets.token_hex(16))'` makes some."
)


def _hexadecimal(value: Any) -> str:
    """Read 128 bits as hexadecimal digits, also in the groups of a UUID. Raises `BadValue`."""
    if not isinstance(value, str):
        raise BadValue("is not text", _HOW)
    digits = value.strip().lower()
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", digits):
        digits = digits.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]*", digits):
        raise BadValue("is not made of hexadecimal digits", _HOW)
    if len(digits) != DIGITS:
        raise BadValue(f"has {len(digits)} hexadecimal digits, not {DIGITS}", _HOW)
    return digits


def _secret(value: Any) -> Any:
    if value is None or isinstance(value, SecretStr):
        return value
    return SecretStr(_hexadecimal(value))


class EncryptionSettings(Part):
    """One key for all pictures and sounds of HLS and DASH."""

    #: `cbcs` is what Apple's players take; `cenc` is what older players of DASH take.
    scheme: Literal["cbcs", "cenc"] = "cbcs"
    #: Public: streams name it, so that players know which key they need.
    key_id: Annotated[str, BeforeValidator(_hexadecimal, json_schema_input_type=str)]
    #: Never written anywhere, also not with the plan of a job: None in what was read back.
    key: Annotated[
        SecretStr | None, BeforeValidator(_secret, json_schema_input_type=str), Field(exclude=True)
    ] = None
    #: Where HLS players may ask for the key's 16 bytes.
    key_url: str | None = None

    @field_validator("key")
    @classmethod
    def _is_no_id(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if key is not None and key.get_secret_value() == info.data.get("key_id"):
            raise BadValue("is the same as key_id, which everyone can read", _HOW)
        return key

    @field_validator("key_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or set(url) & set('", \n'):
            raise BadValue("is not a web address", "Write one like https://keys.example.org/key.")
        return url
