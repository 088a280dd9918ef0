"""Encryption: what the packager and players are told of a profile's key, and what they are not."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

    from pipeline.plan.plan import Plan
    from pipeline.settings.encryption import EncryptionSettings
    from pipeline.settings.profiles import Profile

#: HLS's names of the ways to encrypt (RFC 8216bis, 4.4.4.4).
METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}
#: The names by which players of HLS and of DASH know the W3C's Clear Key.
HLS_CLEAR_KEY = "org.w3.clearkey"
CLEAR_KEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"


def encryption_options(wanted: EncryptionSettings) -> list[str]:
    """Give the packager's options; the key itself is not among them: all can read them."""
    return [
        "--enable_raw_key_encryption",
        f"--protection_scheme={wanted.scheme}",
        # The packager would leave the first five seconds readable.
        "--clear_lead=0",
        f"--hls_key_uri={key_uri(wanted)}",
    ]


def present_key(plan: Plan, profile: Profile | None) -> SecretStr | None:
    """Find the key of a plan, which is stored without it, in the profile as it is now.

    None when the profile is gone or has another key by now, and for a plan that encrypts nothing.
    """
    planned, present = plan.profile.encryption, profile.encryption if profile else None
    if planned is None or present is None or planned.key_id != present.key_id:
        return None
    return present.key


def flag_file(wanted: EncryptionSettings, key: SecretStr) -> str:
    """Write the file that gives the packager the key: one for all pictures and sounds."""
    return f"--keys=label=:key_id={wanted.key_id}:key={key.get_secret_value()}\n"


def key_uri(wanted: EncryptionSettings) -> str:
    """Say where HLS players get the key; without an address, which key they have to be given."""
    return wanted.key_url or _key_named(wanted)


def _key_named(wanted: EncryptionSettings) -> str:
    return f"data:text/plain;base64,{b64encode(bytes.fromhex(wanted.key_id)).decode()}"


def with_key(playlist: str, wanted: EncryptionSettings) -> str:
    """Name the key in a media playlist whose segments are encrypted, before the first of them.

    In two ways: as `identity`, which the packager does for `cbcs` only, and as Clear Key.
    """
    if f'KEYFORMAT="{HLS_CLEAR_KEY}"' in playlist:
        return playlist
    told = [(_key_named(wanted), HLS_CLEAR_KEY)]
    if "#EXT-X-KEY:" not in playlist:
        told.insert(0, (key_uri(wanted), "identity"))
    tags = "".join(
        f'#EXT-X-KEY:METHOD={METHODS[wanted.scheme]},URI="{uri}",KEYFORMAT="{form}"\n'
        for uri, form in told
    )
    return playlist.replace("#EXTINF:", f"{tags}#EXTINF:", 1)
