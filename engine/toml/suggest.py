"""How an error says what would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str:
    """ " (did you mean X?)" for the nearest known word, or nothing."""
    near = nearest(word, known)
    return f" (did you mean {near}?)" if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or nothing."""
    return next(iter(get_close_matches(word, list(known), n=1)), "")


def allowed(known: Iterable[str]) -> str:
    """ "allowed: a, b, c"."""
    return f"allowed: {', '.join(known)}"
