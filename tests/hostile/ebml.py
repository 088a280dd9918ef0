"""Matroska by hand: elements with identifiers as in its specification (RFC 9559)."""

from __future__ import annotations

import struct


def element(identifier: int, *parts: bytes) -> bytes:
    """Write an element; its size takes eight bytes, whatever it is."""
    data = b"".join(parts)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (1 << 56 | len(data)).to_bytes(8, "big") + data


def sized(data: bytes) -> tuple[int, int]:
    """Read an element's size: how many bytes say it, and what they say."""
    length = 9 - data[0].bit_length()
    return length, int.from_bytes(data[:length], "big") ^ 1 << 7 * length


def unsigned(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(8, "big"))


def real(identifier: int, value: float) -> bytes:
    return element(identifier, struct.pack(">d", value))


def head() -> bytes:
    """Write what every Matroska file begins with."""
    return element(0x1A45DFA3, unsigned(0x4286, 1), element(0x4282, b"matroska"))
