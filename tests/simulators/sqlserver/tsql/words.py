"""Names and texts as T-SQL writes them."""

from __future__ import annotations

from typing import Final

NAME: Final = r"(?:\[(?:[^\]]|\]\])+\]|\"[^\"]+\"|[\w#@$]+)"
TEXT: Final = r"N?'((?:[^']|'')*)'"


def bare(name: str) -> str:
    """A name without its quotes."""
    return name[1:-1].replace("]]", "]") if name[:1] in '["' else name


def unquoted(text: str) -> str:
    """What stands between the quotes of a text."""
    return text.replace("''", "'")
