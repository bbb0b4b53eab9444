"""How an error says what would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str:
    """ " (did you mean X?)" for the nearest known word, or nothing."""
    matches = get_close_matches(word, list(known), n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""


def allowed(known: Iterable[str]) -> str:
    """ "allowed: a, b, c"."""
    return f"allowed: {', '.join(known)}"
