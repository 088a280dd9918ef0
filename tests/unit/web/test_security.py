"""Whom the server answers, and which pages may ask it to change something."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from pipeline.web.security import Names, from_elsewhere, host_name

LOOPBACK = Names("127.0.0.1")
EVERYWHERE = Names("0.0.0.0")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.0.0.1"]
)
def test_on_loopback_it_answers_to_the_names_of_loopback(host: str) -> None:
    assert LOOPBACK.answers_to(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "192.168.1.5:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example/127.0.0.1",
        "[::1",
        "localhost:port",
        "",
    ],
)
def test_on_loopback_it_answers_to_nothing_else(host: str) -> None:
    assert not LOOPBACK.answers_to(host)


@pytest.mark.parametrize(
    "host", ["192.168.1.5:8080", "[fe80::1]:8080", "web:8080", "nas.local", "x.localhost"]
)
def test_listening_everywhere_it_answers_to_addresses_and_names_of_the_house(host: str) -> None:
    assert EVERYWHERE.answers_to(host)


@pytest.mark.parametrize("host", ["evil.example", "rebound.example:8080", "local.example"])
def test_listening_everywhere_it_does_not_answer_to_names_strangers_can_own(host: str) -> None:
    assert not EVERYWHERE.answers_to(host)


def test_further_names_can_be_given() -> None:
    names = Names("127.0.0.1", ["Media.Example"])
    assert names.answers_to("media.example")
    assert names.answers_to("localhost:8080")
    assert not names.answers_to("other.example")


def test_the_address_it_listens_on_is_its_name() -> None:
    assert Names("mediabox").answers_to("mediabox:8080")
    assert Names("192.168.1.5").answers_to("192.168.1.5")


def test_a_host_without_sense_has_no_name() -> None:
    assert host_name("a b") == "a b"
    assert host_name("[::1") is None
    assert host_name("user@host") is None


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://localhost:8080"}, False),
        ({"origin": "http://LOCALHOST:8080"}, False),
        ({"origin": "http://localhost:9999"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "https://media.example", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_a_page_of_another_site_is_told_apart(headers: dict[str, str], elsewhere: bool) -> None:
    assert from_elsewhere(Headers({"host": "localhost:8080", **headers})) is elsewhere
