from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.encryption import flag_file, present_key, with_key
from pipeline.plan.packaging import package_argv
from pipeline.plan.plan import Plan
from pipeline.settings.encryption import EncryptionSettings
from pipeline.settings.profiles import Profile
from tests.unit.plan.sources import plan

KEY_ID, KEY = "6f651ae1dbe44434bcb4690d1564c41c", "0123456789abcdef" * 2
NAMED = "data:text/plain;base64,b2Ua4dvkRDS8tGkNFWTEHA=="
PLAYLIST = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:4.0,\n1.m4s\n#EXTINF:4.0,\n2.m4s\n'


def encrypting(**other: Any) -> Profile:
    wanted = {"key_id": KEY_ID, "key": KEY, **other}
    return Profile.model_validate({"package": ["hls", "dash"], "encryption": wanted})


def settings(**other: Any) -> EncryptionSettings:
    found = encrypting(**other).encryption
    assert found is not None
    return found


def test_the_packagers_arguments_hold_no_key() -> None:
    made = plan(profile=encrypting())
    inputs = {f"rendition:{one.name}": Path("x.mp4") for one in made.streams}
    argv = package_argv(Path("packager"), made, inputs, Path("/private/flags"))
    assert argv[-5:] == [
        "--enable_raw_key_encryption",
        "--protection_scheme=cbcs",
        "--clear_lead=0",
        f"--hls_key_uri={NAMED}",
        "--flagfile=/private/flags",
    ]
    assert KEY not in " ".join(argv)


def test_the_file_of_flags_holds_it() -> None:
    profile = encrypting()
    key = present_key(plan(profile=profile), profile)
    assert key is not None
    assert flag_file(settings(), key) == f"--keys=label=:key_id={KEY_ID}:key={KEY}\n"


def test_a_stored_plan_holds_no_key_and_takes_it_from_the_profile_of_now() -> None:
    profile = encrypting()
    made = plan(profile=profile)
    stored = made.model_dump_json()
    assert KEY not in stored
    assert KEY not in repr(made)
    again = Plan.model_validate_json(stored)
    assert again.profile.encryption is not None
    assert again.profile.encryption.key is None
    found = present_key(again, profile)
    assert found is not None
    assert found.get_secret_value() == KEY


@pytest.mark.parametrize(
    "now", [None, Profile(), encrypting(key_id="00" * 16)], ids=["gone", "clear", "other key"]
)
def test_a_profile_that_has_the_key_no_longer_gives_none(now: Profile | None) -> None:
    assert present_key(plan(profile=encrypting()), now) is None


def test_a_plan_that_encrypts_nothing_needs_no_key() -> None:
    assert present_key(plan(), encrypting()) is None


def test_hls_names_the_key_for_both_kinds_of_player_before_the_first_segment() -> None:
    wanted = settings(scheme="cenc", key_url="https://keys.example.org/1")
    told = with_key(PLAYLIST, wanted)
    assert told.splitlines()[2:5] == [
        '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="https://keys.example.org/1",KEYFORMAT="identity"',
        f'#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="{NAMED}",KEYFORMAT="org.w3.clearkey"',
        "#EXTINF:4.0,",
    ]
    assert told.count("EXT-X-KEY") == 2
    assert with_key(told, wanted) == told


def test_what_the_packager_said_of_the_key_stays() -> None:
    said = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="x",IV=0x01,KEYFORMAT="identity"\n#EXTINF:4.0,'
    told = with_key(PLAYLIST.replace("#EXTINF:4.0,", said, 1), settings())
    assert told.count('KEYFORMAT="identity"') == 1
    assert told.count(f'METHOD=SAMPLE-AES,URI="{NAMED}"') == 1
