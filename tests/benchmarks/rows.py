"""Measured figures as rows, printed as a table and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `floor` is what the least that does the work reaches, `ratio` the value to it.

    `met` says whether the target is met; None where there is no target.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: str | None = None
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A target in words, and its test."""

    words: str
    is_met: Callable[[float], bool]


def at_least(value: float, words: str = "") -> Target:
    return Target(words or f"at least {value:,.0f}", lambda found: found >= value)


def under(value: float, words: str = "") -> Target:
    return Target(words or f"under {value:,.0f}", lambda found: found < value)


def row(
    name: str, value: float, unit: str, *, floor: float | None = None, target: Target | None = None, ratio: bool = False
) -> Row:
    """A row; `ratio` says that the target speaks of the ratio to the floor, and not of the value itself."""
    share = value / floor if floor else None
    judged = share if ratio else value
    met = target.is_met(judged) if target is not None and judged is not None else None
    return Row(name, value, unit, floor, share, target.words if target else None, met)


def table(rows: Sequence[Row]) -> str:
    """The rows as text, a line each."""
    wide = max(len(one.name) for one in rows)
    return "".join(f"{_line(one, wide).rstrip()}\n" for one in rows)


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in rows], indent=2) + "\n", encoding="utf-8")


def _line(one: Row, wide: int) -> str:
    beside = f"{_number(one.floor)}  {one.ratio:4.2f}" if one.floor is not None and one.ratio is not None else ""
    verdict = {True: "met", False: "MISSED", None: ""}[one.met]
    return f"{one.name:<{wide}} {_number(one.value)} {one.unit:<9} {beside:<18} {one.target or '':<28} {verdict}"


def _number(value: float) -> str:
    return f"{value:>11,.0f}" if abs(value) >= 1_000 else f"{value:>11,.2f}"
