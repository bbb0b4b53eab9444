"""Fills the template of a source file's path with one row's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from engine.profiles.resolve import Part, parts_of
from engine.source.values import Row, Unreadable, optional_text
from protocol.vocabulary import FindingCode

_FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "no-dashes": lambda text: text.replace("-", ""),
}


class PathTemplate:
    """[files].resolve, ready to be filled."""

    def __init__(self, template: str) -> None:
        self._parts = parts_of(template)

    def path(self, row: Row) -> str:
        """The path below the store, with forward slashes however the source wrote it. Raises Unreadable."""
        filled = "".join(part if isinstance(part, str) else _filled(part, row) for part in self._parts)
        return filled.replace("\\", "/")


def _filled(part: Part, row: Row) -> str:
    value = optional_text(row, part.column)
    if not value:
        raise Unreadable(FindingCode.MISSING_FILE, f"{part.column} is empty, so there is no path")
    for name in part.filters:
        value = _FILTERS[name](value)
    cut = value[part.start : part.stop]
    if not cut or any(abs(place) > len(value) for place in (part.start, part.stop) if place is not None):
        raise Unreadable(FindingCode.MISSING_FILE, f"{part.column} is too short for the path")
    return cut.zfill(part.width or 0)
