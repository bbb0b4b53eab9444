"""Looks for planted values in what left a practice, in every spelling in which a program could carry them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Bytes: shorter values are looked for in plain only; encoded, they would be met by chance."""


def spellings(value: str) -> Iterator[bytes]:
    """`value` in plain, lower and upper case, escaped for JSON and URLs, in hex, base64 at every alignment, UTF-16."""
    plain = value.encode()
    yield plain
    if len(plain) < SHORTEST:
        return
    yield from (value.lower().encode(), value.upper().encode(), value[::-1].encode())
    yield json.dumps(value)[1:-1].encode()
    yield from (quote(value, safe="").encode(), quote(value).encode(), quote_plus(value).encode())
    for data in (plain, value.encode("utf-16-le"), value.encode("utf-16-be")):
        yield data
        yield from (data.hex().encode(), data.hex().upper().encode())
        yield from _base64(data)


def _base64(data: bytes) -> Iterator[bytes]:
    """What of `data` shows in base64 whatever stands before and after it: whole groups of three bytes, shifted."""
    for shift in range(3):
        inner = data[shift : shift + (len(data) - shift) // 3 * 3]
        if len(inner) >= 2 * SHORTEST - 2:
            text = base64.b64encode(inner)
            yield from (text, text.translate(bytes.maketrans(b"+/", b"-_")))


def met(planted: Iterable[str], said: bytes) -> list[str]:
    """The planted values that are in `said` in some spelling."""
    return [value for value in planted if any(spelling in said for spelling in spellings(value))]
