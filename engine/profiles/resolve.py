"""The path of a source file as a template over columns: "{uuid[0:2]}/{uuid[2:4]}/{uuid|lower}.dcm".

A part in braces is a column, then filters, then a slice of characters or a width to fill with zeros. The grammar only:
what a value has to be, and whether the path stays in the store, is judged where files are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.toml.suggest import allowed, closest

FILTERS: Final = ("lower", "upper", "trim", "no-dashes")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_PART: Final = re.compile(
    r"(?P<column>\w+)(?P<filters>(?:\|[a-z-]+)*)"
    r"(?:\[(?P<at>-?\d{1,3})\]|\[(?P<start>-?\d{0,3}):(?P<stop>-?\d{0,3})\]|:0(?P<width>\d{1,2}))?"
)
_EXAMPLES: Final = "{uuid}, {uuid[0:2]}, {uuid|lower[0:2]}, {number:08}"


class PathError(ValueError):
    """The text is no template of this kind; the message says which part, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One column of a path. `start` and `stop` count characters as Python does; `width` is filled with zeros."""

    column: str
    filters: tuple[str, ...] = ()
    start: int | None = None
    stop: int | None = None
    width: int | None = None


def parts_of(template: str) -> tuple[str | Part, ...]:
    """Literal text and columns of a template, in order. Raises PathError."""
    pieces = _BRACES.split(template)
    for text in pieces[::2]:
        if "{" in text or "}" in text:
            raise PathError("a brace { or } stands alone")
    return tuple(_part(piece) if index % 2 else piece for index, piece in enumerate(pieces))


def _part(text: str) -> Part:
    match = _PART.fullmatch(text)
    if match is None:
        raise PathError(f"{{{text}}} is not understood; write it as one of {_EXAMPLES}")
    filters = tuple(match["filters"].split("|")[1:])
    for name in filters:
        if name not in FILTERS:
            raise PathError(f"unknown filter {name}{closest(name, FILTERS)}; {allowed(FILTERS)}")
    start, stop = _slice(match)
    if start is not None and stop is not None and start >= stop and (start < 0) == (stop < 0):
        raise PathError(f"{{{text}}} ends where it begins, or before")
    return Part(match["column"], filters, start, stop, int(match["width"]) if match["width"] else None)


def _slice(match: re.Match[str]) -> tuple[int | None, int | None]:
    if match["at"] is not None:
        at = int(match["at"])
        return at, at + 1 if at != -1 else None
    return int(match["start"]) if match["start"] else None, int(match["stop"]) if match["stop"] else None
