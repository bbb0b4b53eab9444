"""Formats that are known by name only: a file of one is whole and holds a picture, and nothing here reads it."""

from __future__ import annotations

from typing import Final

# What a file begins with, and where: signatures as the formats' own specifications give them.
_MARKS: Final = (
    ("a GIF", 0, (b"GIF87a", b"GIF89a")),
    ("a WebP picture", 8, (b"WEBP",)),
    ("a HEIF or AVIF picture", 4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif")),
    ("a JPEG XL picture", 0, (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    ("a Photoshop file", 0, (b"8BPS",)),
)


def name_of(data: bytes) -> str | None:
    """In words, what a file is whose format is known by name only."""
    for name, place, marks in _MARKS:
        if data[place : place + 12].startswith(marks):
            return name
    return None
