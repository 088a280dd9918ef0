"""Encryption: what the packager and players are told of a profile's key, and what they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

    from pipeline.plan.plan import Plan
    from pipeline.settings.encryption import EncryptionSettings
    from pipeline.settings.profiles import Profile

#: HLS's names of the ways to encrypt (RFC 8216bis, 4.4.4.4).
METHODS = {"cbcs": "SAMPLE-AES", "cenc": "SAMPLE-AES-CTR"}
#: The names by which DASH players know the W3C's Clear Key.
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
    return wanted.key_url or f"urn:uuid:{uuid(wanted.key_id)}"


def uuid(key_id: str) -> str:
    """Write 32 hexadecimal digits in the groups of a UUID."""
    return "-".join((key_id[:8], key_id[8:12], key_id[12:16], key_id[16:20], key_id[20:]))


def with_key(playlist: str, wanted: EncryptionSettings) -> str:
    """Name the key in a media playlist whose segments are encrypted, before the first of them.

    The packager does so for `cbcs` only.
    """
    if "#EXT-X-KEY:" in playlist:
        return playlist
    method, uri = METHODS[wanted.scheme], key_uri(wanted)
    tag = f'#EXT-X-KEY:METHOD={method},URI="{uri}",KEYFORMAT="identity"\n'
    return playlist.replace("#EXTINF:", f"{tag}#EXTINF:", 1)
