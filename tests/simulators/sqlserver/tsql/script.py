"""Cuts a batch into statements and reads each: a tree of sqlglot's, or words that the session carries out itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from tests.simulators.sqlserver.errors import Refused

# What begins a statement that no tree is made of.
_WORDS: Final = re.compile(
    r"(SET|USE|IF|EXEC|EXECUTE|BACKUP|RESTORE|GRANT|DENY|REVOKE|BEGIN\s+TRAN\w*|COMMIT|ROLLBACK|SAVE\s+TRAN\w*"
    r"|(CREATE|ALTER|DROP)\s+(DATABASE|LOGIN|USER|SCHEMA|(SERVER\s+)?ROLE|TRIGGER)|DBCC|PRINT|RAISERROR|THROW)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Words:
    """A statement as it was written."""

    text: str


Statement = Words | exp.Expression


def statements(text: str) -> Iterator[Statement]:
    """The statements of a batch, in order. Raises Refused for what is not T-SQL."""
    for piece in _pieces(text):
        yield Words(piece) if _WORDS.match(piece) else read(piece).copy()


@lru_cache(maxsize=1_024)
def read(piece: str) -> exp.Expression:
    """One statement's tree. Raises Refused."""
    try:
        tree = sqlglot.parse_one(piece, read="tsql")
    except SqlglotError as problem:
        raise Refused(102, f"Incorrect syntax near '{piece[:40]}'. ({type(problem).__name__})") from None
    if isinstance(tree, exp.Command):
        raise Refused(102, f"Incorrect syntax near '{piece[:40]}'.")
    return tree


def _pieces(text: str) -> Iterator[str]:
    try:
        tokens = TSQL().tokenize(text)
    except SqlglotError:
        raise Refused(105, "Unclosed quotation mark after the character string.") from None
    start = 0
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            if piece := text[start : token.start].strip():
                yield piece
            start = token.end + 1
    if piece := text[start:].strip():
        yield piece
