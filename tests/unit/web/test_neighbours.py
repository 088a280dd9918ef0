"""Flower is linked to where whoever reads the page can reach it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.settings.values import Listen
from pipeline.web.neighbours import flower_address


@pytest.mark.parametrize(
    ("host", "port", "asked", "address"),
    [
        ("127.0.0.1", 5555, "127.0.0.1", "http://127.0.0.1:5555/"),
        ("127.0.0.1", 5555, "localhost", "http://127.0.0.1:5555/"),
        ("127.0.0.1", 5555, "media.local", None),
        ("0.0.0.0", 5555, "media.local", "http://media.local:5555/"),
        ("::1", 5555, "::1", "http://[::1]:5555/"),
        ("10.0.0.7", 80, "media.local", "http://10.0.0.7:80/"),
        ("127.0.0.1", 0, "127.0.0.1", None),
    ],
)
def test_flowers_address(host: str, port: int, asked: str, address: str | None) -> None:
    flower = SimpleNamespace(listen=Listen(host=host, port=port))
    settings: Any = SimpleNamespace(pipeline=SimpleNamespace(flower=flower))
    assert flower_address(settings, asked) == address
