"""Blinded set digests: the only hash of a practice's records that may leave it.

One digest stands for *all* records of a set, never for one. It is keyed with a random key that is made for one run
and never leaves the practice, so nobody outside can try names or dates against it, and digests of two runs cannot be
linked. Within a run, equal digests mean equal sets; that is all they tell.

How: every record becomes one leaf, HMAC-SHA-512 of its unambiguous bytes. Leaves are *added* modulo 2**512, so order
does not matter, memory stays flat, and a record that is there twice is not one that is there once (with XOR, two equal
records would cancel out). 512 bits leave a sum of chosen leaves out of reach even to someone who could see leaves,
which nobody outside can. Count and sum are then closed under a second HMAC, which hides both.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

KEY_BYTES: Final = 32
"""Bytes in a run's digest key."""

_LEAF_BYTES: Final = 64
_MODULUS: Final = 1 << (8 * _LEAF_BYTES)
_LEAF: Final = b"bitewing leaf 1\0"
_SET: Final = b"bitewing set 1\0"


class SetDigest:
    """The digest of a growing set. Raises ValueError unless `key` has 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a digest key has {KEY_BYTES} bytes")
        self._key, self._sum, self._count = key, 0, 0

    def add(self, record: Mapping[str, str | int | None]) -> None:
        """Add one record: its fields by name. Raises TypeError for a value of another type."""
        leaf = hmac.digest(self._key, _LEAF + record_bytes(record), "sha512")
        self._sum = (self._sum + int.from_bytes(leaf, "big")) % _MODULUS
        self._count += 1

    def hexdigest(self) -> str:
        """64 hex digits for everything added so far."""
        closed = _SET + self._count.to_bytes(8, "big") + self._sum.to_bytes(_LEAF_BYTES, "big")
        return hmac.digest(self._key, closed, "sha256").hex()


def record_bytes(record: Mapping[str, str | int | None]) -> bytes:
    """The unambiguous bytes of a record, in the order of its field names.

    Every name and value carries its kind and its length, so that no two different records share their bytes: neither
    "ab" + "c" and "a" + "bc", nor the number 1 and the text "1", nor an empty text and an absent one.
    """
    return b"".join(_framed("s", name) + _value(record[name]) for name in sorted(record))


def _value(value: str | int | None) -> bytes:
    if value is None:
        return _framed("n", "")
    if isinstance(value, str):
        return _framed("s", value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _framed("i", str(value))
    raise TypeError(f"a record holds text, whole numbers and None, not {type(value).__name__}")


def _framed(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return f"{kind}{len(data)}:".encode() + data
