"""Ways to spoil a target, each with the codes that must name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from protocol.vocabulary import FindingCode
from tests.engine.reconcile.practice import Practice


@dataclass(frozen=True)
class Spoiler:
    """One way to spoil a practice. `spoil` gets a generator to choose where; `codes` must all be reported."""

    name: str
    spoil: Callable[[Practice, Random], None]
    codes: frozenset[FindingCode]


SPOILERS: list[Spoiler] = []


def spoiler(*codes: FindingCode) -> Callable[[Callable[[Practice, Random], None]], Callable[[Practice, Random], None]]:
    def register(spoil: Callable[[Practice, Random], None]) -> Callable[[Practice, Random], None]:
        SPOILERS.append(Spoiler(spoil.__name__.strip("_").replace("_", " "), spoil, frozenset(codes)))
        return spoil

    return register
