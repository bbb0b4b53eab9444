"""Where a source file stands, read from the profile's template by own code: "{uuid[0:2]}/{uuid|lower}.dcm"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def path_from(template: str, row: Mapping[str, Any]) -> str | None:
    """The path below the store, forward slashes; None where a value of the row is missing or too short for it."""
    made = ""
    rest = template
    while rest:
        text, brace, rest = rest.partition("{")
        made += text
        if brace:
            inside, _, rest = rest.partition("}")
            piece = _piece(inside, row)
            if piece is None:
                return None
            made += piece
    return made.replace("\\", "/")


def _piece(inside: str, row: Mapping[str, Any]) -> str | None:
    """What a pair of braces stands for: a column, words after bars, then "[a:b]" or ":08"."""
    inside, _, width = inside.partition(":0") if "[" not in inside else (inside, "", "")
    named, _, bounds = inside.partition("[")
    column, *words = named.split("|")
    value = row[column]
    if value is None or value == "":
        return None
    text = str(value)
    for word in words:
        text = {
            "lower": text.lower(),
            "upper": text.upper(),
            "trim": text.strip(),
            "no-dashes": "".join(text.split("-")),
        }[word]
    if bounds:
        return _cut(text, bounds.rstrip("]"))
    return text.rjust(int(width or 0), "0") or None


def _cut(text: str, bounds: str) -> str | None:
    """The characters between two places; None unless both places are inside the text."""
    first, colon, last = bounds.partition(":")
    if not colon:
        place = _place(first, len(text))
        return text[place] if place is not None and place < len(text) else None
    start = _place(first, len(text)) if first else 0
    end = _place(last, len(text)) if last else len(text)
    if start is None or end is None or start >= end:
        return None
    return text[start:end]


def _place(number: str, length: int) -> int | None:
    """A place counted from the front, or with a minus from the end; None if the text does not reach so far."""
    place = int(number) + (length if number.startswith("-") else 0)
    return place if 0 <= place <= length else None
