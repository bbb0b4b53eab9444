"""Teeth named in one form, whatever notation a system writes them in.

The form is `quadrant.position`, with `+` for a supernumerary tooth beside it: 26 in FDI, 206 in three-digit FDI,
14 in ADA and UL6 in Palmer are all "2.6". Deciduous teeth are quadrants 5 to 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PERMANENT_ROUND = [(1, place) for place in range(8, 0, -1)] + [(2, place) for place in range(1, 9)]
_PERMANENT_ROUND += [(3, place) for place in range(8, 0, -1)] + [(4, place) for place in range(1, 9)]
_DECIDUOUS_ROUND = [(5, place) for place in range(5, 0, -1)] + [(6, place) for place in range(1, 6)]
_DECIDUOUS_ROUND += [(7, place) for place in range(5, 0, -1)] + [(8, place) for place in range(1, 6)]
_CORNERS = {"UR": 1, "UL": 2, "LL": 3, "LR": 4}


class TeethUnreadable(ValueError):
    """A text that names no teeth in this notation."""


def teeth_of(text: str | None, notation: str, separator: str, prefix: str) -> tuple[str, ...]:
    """The teeth a text names, sorted. `notation` is fdi, fdi3, ada or palmer. Raises TeethUnreadable."""
    if not text:
        return ()
    if not text.startswith(prefix):
        raise TeethUnreadable("teeth text lacks the profile's prefix")
    codes = [code for code in text[len(prefix) :].split(separator) if code]
    return tuple(sorted(_READERS[notation](code) for code in codes))


def _fdi(code: str) -> str:
    found = re.fullmatch(r"([1-8])(?:0?)([1-8])(S?)", code)
    if found is None:
        raise TeethUnreadable("not a tooth in FDI")
    return _name(int(found[1]), int(found[2]), bool(found[3]))


def _ada(code: str) -> str:
    extra = code.endswith("S") and len(code) == 2
    letter = code[0]
    if len(code) == 1 + extra and "A" <= letter <= "T":
        return _name(*_DECIDUOUS_ROUND[ord(letter) - ord("A")], extra)
    number = int(code) if code.isascii() and code.isdigit() else 0
    if 1 <= number <= 32 or 51 <= number <= 82:
        return _name(*_PERMANENT_ROUND[(number - 1) % 50], number > 50)
    raise TeethUnreadable("not a tooth in ADA universal numbering")


def _palmer(code: str) -> str:
    found = re.fullmatch(r"(UR|UL|LL|LR)([1-8]|[A-E])(S?)", code)
    if found is None:
        raise TeethUnreadable("not a tooth in Palmer notation")
    corner, place = _CORNERS[found[1]], found[2]
    if place.isdigit():
        return _name(corner, int(place), bool(found[3]))
    return _name(corner + 4, ord(place) - ord("A") + 1, bool(found[3]))


def _name(quadrant: int, position: int, extra: bool) -> str:
    if quadrant > 4 and position > 5:
        raise TeethUnreadable("deciduous teeth end at five")
    return f"{quadrant}.{position}{'+' if extra else ''}"


_READERS: dict[str, Callable[[str], str]] = {"fdi": _fdi, "fdi3": _fdi, "ada": _ada, "palmer": _palmer}
