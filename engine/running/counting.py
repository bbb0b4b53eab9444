"""A long stream, counted on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

Item = TypeVar("Item")

STEP: Final = 1_000  # items between two reports


def counted(items: Iterable[Item], tell: Callable[[int], None]) -> Iterator[Item]:
    """The items as they come. `tell` hears how many more there were, every STEP items and at the end."""
    since = 0
    for item in items:
        yield item
        since += 1
        if since == STEP:
            tell(since)
            since = 0
    tell(since)
