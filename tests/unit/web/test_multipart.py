"""The file of a form, whatever else is in it and however it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ReelworksError
from pipeline.web.multipart import the_file

BOUNDARY = b"----b"
KNOWN = ("title", "year")
FIELD = b'------b\r\nContent-Disposition: form-data; name="title"\r\n\r\nA title\r\n'


def file_part(content: bytes, name: str = "clip.mp4") -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
    kind = b"Content-Type: video/mp4\r\n\r\n"
    return b"------b\r\n" + head.encode() + kind + content + b"\r\n"


END = b"------b--\r\n"


def read(body: bytes, size: int = 65536, boundary: bytes = BOUNDARY) -> tuple[str, bytes]:
    async def arriving() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    async def whole() -> tuple[str, bytes]:
        form = await the_file(arriving(), boundary, KNOWN)
        return form.name, b"".join([chunk async for chunk in form.content])

    return asyncio.run(whole())


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=64))
def test_the_content_is_the_same_however_it_is_cut_into_pieces(content: bytes, size: int) -> None:
    if BOUNDARY in content:
        return
    assert read(FIELD + file_part(content) + END, size) == ("clip.mp4", content)


def test_content_that_looks_like_a_boundary_is_content() -> None:
    content = b"\r\n------\r\n\r\n------c\r\n" * 20
    assert read(file_part(content) + END, 7) == ("clip.mp4", content)


@pytest.mark.parametrize("size", [1, 65536])
def test_a_second_file_is_refused_by_its_name(size: int) -> None:
    body = file_part(b"one", "one.mp4") + file_part(b"two", "two.mp4") + END
    with pytest.raises(ReelworksError, match=r"second file, 'two\.mp4'") as second:
        read(body, size)
    assert second.value.code == "bad_request"
    assert "each file by itself" in second.value.hint


def test_a_second_field_for_a_file_in_which_none_was_chosen_is_passed_over() -> None:
    body = file_part(b"one", "one.mp4") + file_part(b"", "") + END
    assert read(body) == ("one.mp4", b"one")


def test_a_name_is_read_as_utf_8() -> None:
    assert read(file_part(b"x", "Été.mp4") + END)[0] == "Été.mp4"


@pytest.mark.parametrize("kept", [-1, -9, -14])
def test_a_form_that_ends_within_the_file_is_cut_short(kept: int) -> None:
    with pytest.raises(ReelworksError) as cut:
        read((file_part(b"content") + END)[: -len(END) + kept])
    assert cut.value.code == "upload_cut_short"


@pytest.mark.parametrize(
    "body", [b"", FIELD + END, file_part(b"", "") + END, b"no form at all", b"------b\r\n\x00\x01"]
)
def test_a_form_without_a_file_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(ReelworksError) as bad:
        read(body)
    assert bad.value.code == "bad_request"


@pytest.mark.parametrize("boundary", [b"", b"x" * 5000])
def test_a_boundary_that_can_not_be_is_a_bad_request(boundary: bytes) -> None:
    with pytest.raises(ReelworksError) as bad:
        read(file_part(b"x") + END, boundary=boundary)
    assert bad.value.code == "bad_request"


def test_endless_headers_are_refused_and_not_kept() -> None:
    with pytest.raises(ReelworksError):
        read(b"------b\r\nX-Long: " + b"a" * 1_000_000)


def test_fields_before_the_file_are_read() -> None:
    async def fields() -> dict[str, str]:
        async def arriving() -> AsyncIterator[bytes]:
            for byte in FIELD + file_part(b"x") + END:
                yield bytes([byte])

        return (await the_file(arriving(), BOUNDARY, KNOWN)).fields

    assert asyncio.run(fields()) == {"title": "A title"}


@pytest.mark.parametrize("size", [1, 7, 65536])
def test_a_field_after_the_file_is_refused_however_it_arrives(size: int) -> None:
    with pytest.raises(ReelworksError, match="'title' comes after the file") as late:
        read(file_part(b"content") + FIELD + END, size)
    assert late.value.code == "bad_request"
    assert "before the file" in late.value.hint


@pytest.mark.parametrize("size", [1, 65536])
def test_a_field_that_nobody_knows_is_refused_wherever_it_is(size: int) -> None:
    odd = FIELD.replace(b"title", b"titel")
    for body in (odd + file_part(b"x"), file_part(b"x") + odd, FIELD + odd + file_part(b"x")):
        with pytest.raises(ReelworksError, match="no field 'titel'") as unknown:
            read(body + END, size)
        assert unknown.value.code == "bad_request"
        assert unknown.value.hint == "Did you mean 'title'? Valid: file, title, year."


def test_a_text_where_the_file_should_be_is_told_so() -> None:
    with pytest.raises(ReelworksError, match="'file' is a text") as text:
        read(FIELD.replace(b"title", b"file") + END)
    assert "file=@" in text.value.hint


def test_a_field_as_long_as_a_file_is_refused() -> None:
    with pytest.raises(ReelworksError) as bad:
        read(FIELD.replace(b"A title", b"t" * 5000) + file_part(b"x") + END)
    assert "'title' is too long" in bad.value.message
