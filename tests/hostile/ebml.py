"""Matroska by hand: elements with identifiers as in its specification (RFC 9559)."""

from __future__ import annotations

import struct


def element(identifier: int, *parts: bytes) -> bytes:
    """Write an element; its size takes eight bytes, whatever it is."""
    data = b"".join(parts)
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (1 << 56 | len(data)).to_bytes(8, "big") + data


def unsigned(identifier: int, value: int) -> bytes:
    return element(identifier, value.to_bytes(8, "big"))


def real(identifier: int, value: float) -> bytes:
    return element(identifier, struct.pack(">d", value))


def head() -> bytes:
    """Write what every Matroska file begins with."""
    return element(0x1A45DFA3, unsigned(0x4286, 1), element(0x4282, b"matroska"))
