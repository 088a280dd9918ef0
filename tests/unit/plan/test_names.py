from __future__ import annotations

import pytest

from pipeline.plan import names

JOB = "0123456789abcdef"


@pytest.mark.parametrize(
    ("stem", "folder"),
    [
        ("holiday", "holiday-01234567"),
        ("a b ü 漢", "a b ü 漢-01234567"),
        ("..", "_.-01234567"),
        (".hidden", "_hidden-01234567"),
        ("a/b\\c\nd", "a_b_c_d-01234567"),
        ("  ", "source-01234567"),
        ("-rf", "-rf-01234567"),
    ],
)
def test_an_output_folder_is_named_for_its_source_and_job(stem: str, folder: str) -> None:
    assert names.output_folder(stem, JOB) == folder


def test_a_long_name_is_cut_between_characters_to_fit_any_file_system() -> None:
    folder = names.output_folder("漢" * 200, JOB)
    assert len(folder.encode()) <= 255
    assert folder == "漢" * 60 + "-01234567"


def test_a_name_that_is_no_unicode_is_still_a_name() -> None:
    assert names.output_folder(b"caf\xe9".decode("utf-8", "surrogateescape"), JOB).endswith(
        "-01234567"
    )


def test_each_output_of_a_rung_has_its_place() -> None:
    assert names.rendition_step("720p") == "rendition:720p"
    assert names.progressive("720p") == "mp4/720p.mp4"
    assert names.playlist("720p") == "stream/720p.m3u8"
