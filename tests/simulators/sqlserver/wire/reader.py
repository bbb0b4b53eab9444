"""Reads a message's bytes one after the other."""

from __future__ import annotations

import struct
from typing import Any


class Reader:
    """A place in a message. Raises struct.error past its end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.data)

    def unpack(self, form: str) -> Any:
        """One value of `struct`'s form, low byte first."""
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value

    def take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise struct.error(f"{size} bytes wanted, {len(part)} are left")
        self.at += size
        return part

    def text(self, letters: int) -> str:
        return self.take(letters * 2).decode("utf-16-le")

    def short_text(self) -> str:
        """B_VARCHAR: its length in one byte."""
        return self.text(self.unpack("B"))
