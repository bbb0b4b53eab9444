"""Lines of toned text, laid out by terminal cells: what every screen is made of. Pure; knows no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size


class Tone(StrEnum):
    """How a piece of text is meant. Words always say the same thing: a tone only helps the eye."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


Span = tuple[str, Tone]
Line = tuple[Span, ...]
EMPTY: Line = ()

NONE = "–"
"""Stands where there is no value."""


def line(text: str, tone: Tone = Tone.PLAIN) -> Line:
    """A line of one tone."""
    return ((text, tone),)


def plain(spans: Line) -> str:
    """The words alone."""
    return "".join(text for text, _ in spans)


def width_of(spans: Line) -> int:
    """Terminal cells that a line takes."""
    return sum(cell_len(text) for text, _ in spans)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` cells; an ellipsis says that it was longer."""
    missing = width - cell_len(text)
    if missing < 0:
        return set_cell_size(text, max(width - 1, 0)) + "…"[:width]
    return " " * missing + text if right else text + " " * missing


def wrap(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width` cells; a word that is longer is broken."""
    lines, current = [], ""
    for word in _breakable(text.split(), width):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) > width:
            lines.append(current)
            joined = word
        current = joined
    return [*lines, current] if current else lines


def _breakable(words: Iterable[str], width: int) -> Iterable[str]:
    for word in words:
        rest = word
        while cell_len(rest) > width:
            head = set_cell_size(rest, width).rstrip()
            yield head
            rest = rest[len(head) :]
        yield rest


def paragraph(text: str, width: int, tone: Tone = Tone.PLAIN, indent: int = 0, first: str = "") -> list[Line]:
    """Wrapped text. `first` stands before its first line, inside the indent."""
    inner = wrap(text, max(width - indent, 1))
    heads = [fit(first, indent)] + [" " * indent] * len(inner)
    return [line(head + piece, tone) for head, piece in zip(heads, inner, strict=False)]


def section(title: str) -> list[Line]:
    """An empty line and a heading."""
    return [EMPTY, line(title, Tone.STRONG)]


def padded(spans: Line, width: int) -> Line:
    """The line filled up with blanks."""
    missing = width - width_of(spans)
    return (*spans, (" " * missing, Tone.PLAIN)) if missing > 0 else spans


def beside(left: Sequence[Line], right: Sequence[Line], left_width: int, gap: int = 3) -> list[Line]:
    """Two columns of lines as one; `left` must fit its width."""
    pairs = zip_longest(left, right, fillvalue=EMPTY)
    return [(*padded(one, left_width + gap), *other) for one, other in pairs]
