"""The guard on a profile's SQL: one pure SELECT, judged by what it is made of, never by what it looks like.

Everything is refused that is not on the lists below: statements, clauses and functions alike. What runs afterwards is
rendered from the tree that was judged, without comments, so the database never sees a text the guard did not read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from engine.profiles.sql_words import (
    CLOCK_WORDS,
    MAKES_TEXT,
    MODIFIED,
    NAMED,
    NAMED_TIMES,
    PURE,
    SERVER_SCHEMAS,
    SERVER_TABLES,
    TIMES,
)
from engine.toml.suggest import closest

logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_DIALECTS: Final = {"postgresql": "postgres", "mssql": "tsql", "sqlite": "sqlite"}
_MOST_CHARACTERS: Final = 20_000  # the longest bundled query has 1,300; a parser is not to be fed a book

_MOST_PADDED: Final = 1_000  # characters that one value may be padded to
_LONGEST_FORMAT: Final = 100  # characters
_FORMATS_ALONE: Final = (exp.NumberToStr, exp.TimeToStr)  # their format knows no width
_BOUNDS: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
_WIDE: Final = re.compile(r"\d{4}|\*")  # a width in printf that is no number up to 999


class SqlError(ValueError):
    """The text is not one pure SELECT in a dialect; the message says what was met."""


@dataclass(frozen=True, slots=True)
class PureSelect:
    """A statement that passed.

    `sql` is the rendered text that may run, `columns` its output columns in order, `first_order` the output column its
    rows come by first (ascending), `reads` the (table, column) pairs it names, column "" where it names only the table.
    """

    sql: str
    columns: tuple[str, ...]
    first_order: str | None
    reads: frozenset[tuple[str, str]]


def pure_select(sql: str, dialect: str) -> PureSelect:
    """`sql` judged as a statement of `dialect` (postgresql, mssql, sqlite). Raises SqlError."""
    tree = _single_statement(sql, dialect)
    _refuse_impure(tree, dialect)
    _refuse_endless(tree)
    if dialect == "postgresql" and tree.find(exp.Hex) is not None:
        raise SqlError("calls to_hex() or hex(); in PostgreSQL write encode(bytes, 'hex') or to_char(number, ...)")
    columns = _output_columns(tree)
    return PureSelect(_render(tree, dialect), columns, _first_order(tree, columns), frozenset(_reads(tree)))


def for_dialect(sql: str, dialect: str) -> str:
    """`sql` as it may run on `dialect`: judged, without comments, and for mssql with every identifier quoted."""
    return pure_select(sql, dialect).sql


def _single_statement(sql: str, dialect: str) -> exp.Query:
    if len(sql) > _MOST_CHARACTERS:
        raise SqlError(f"longer than {_MOST_CHARACTERS} characters")
    if "\0" in sql:
        raise SqlError("holds a NUL character")
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=_DIALECTS[dialect]) if tree is not None]
    except (SqlglotError, RecursionError) as problem:
        raise SqlError(f"is not understood as {dialect}{_near(problem)}") from problem
    if len(trees) != 1:
        raise SqlError(f"holds {len(trees)} statements, exactly one SELECT is allowed")
    if not isinstance(trees[0], exp.Select | exp.SetOperation):
        raise SqlError(f"is {_word(trees[0])}, only SELECT is allowed")
    return trees[0]


def _near(problem: Exception) -> str:
    """Where the parser stopped: the line of the query and the word there, if it says so."""
    found = problem.errors[0] if isinstance(problem, ParseError) and problem.errors else {}
    word = str(found.get("highlight") or "").strip()
    return f" at line {found.get('line')} of the query, near {word[:40]!r}" if word else ""


def _refuse_impure(tree: exp.Expr, dialect: str) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous):
            _refuse_unknown_function(node)
        elif type(node) not in PURE:
            raise SqlError(f"holds {_word(node)}, which is not on the list of pure SELECT parts")
        if isinstance(node, exp.Table):
            _refuse_foreign_table(node, dialect)
        if isinstance(node, exp.Select) and node.args.get("hint") is not None:
            raise SqlError("holds a hint")
        _refuse_own_type(node)
        _refuse_made_of_nothing(node)
        _refuse_clock(node)
        _refuse_swelling(node)


def _refuse_foreign_table(node: exp.Table, dialect: str) -> None:
    """Only tables of the system that the profile is about; the server's own tell of logins, sessions and machines."""
    if node.args.get("catalog") is not None:
        raise SqlError("names a table of another database")
    if dialect == "sqlite" and node.db.lower() not in ("", "main", *SERVER_SCHEMAS):
        raise SqlError(f"names {node.db}.{node.name}, which in SQLite is a table of another file; write {node.name}")
    if node.db.lower() in SERVER_SCHEMAS or node.name.lower().startswith(SERVER_TABLES):
        raise SqlError(f"names {node.name}, a table of the server's own")
    if isinstance(node.this, exp.Identifier) and node.this.args.get("temporary"):
        raise SqlError(f"names {node.name}, a temporary table")


def _refuse_endless(tree: exp.Expr) -> None:
    """A WITH that reads itself must say where it stops, or be led by the rows of another table."""
    for cte in tree.find_all(exp.CTE):
        reading = {table.parent_select for table in cte.this.find_all(exp.Table) if _is_same(table, cte)}
        for select in reading:
            if not (cte.this.args.get("limit") or (select is not None and _stops(select, cte))):
                what = f"reads {cte.alias} in {cte.alias} itself and never stops"
                raise SqlError(f"{what}; join it to a table by a column, or count in it and add WHERE count < 100")


def _is_same(table: exp.Table, cte: exp.CTE) -> bool:
    return table.name.lower() == cte.alias.lower() and not table.db


def _stops(select: exp.Select, cte: exp.CTE) -> bool:
    """Whether a condition of the SELECT compares a column by size, or brings in a table of the system."""
    joins = select.args.get("joins") or []
    places = [select.args.get("where"), select.args.get("having"), *(join.args.get("on") for join in joins)]
    conditions = [place for place in places if place is not None and place.find(exp.Column)]
    if any(found.find(exp.Column) for place in conditions for found in place.find_all(*_BOUNDS)):
        return True
    others = any(table.parent_select is select and not _is_same(table, cte) for table in select.find_all(exp.Table))
    return others and (bool(conditions) or any(join.args.get("using") for join in joins))


def _refuse_made_of_nothing(node: exp.Expr) -> None:
    """A text put together from constants says something that no list here has read, such as 'no' || 'w'."""
    if isinstance(node, MAKES_TEXT) and node.find(exp.Column, exp.Subquery, exp.Select) is None:
        raise SqlError(f"makes a text by {_word(node)} of constants only; write the text itself")


def _refuse_unknown_function(node: exp.Anonymous) -> None:
    name = str(node.this).lower()
    if name not in NAMED:
        raise SqlError(f"calls {name}(), which is not on the list of pure functions{closest(name, NAMED)}")


def _refuse_own_type(node: exp.Expr) -> None:
    """A type of somebody's own runs somebody's own code when a value is made of it."""
    if isinstance(node, exp.DataType) and node.this in (exp.DataType.Type.USERDEFINED, exp.DataType.Type.XML):
        raise SqlError(f"makes a value of type {node.sql()}, which is not a plain type")


def _refuse_clock(node: exp.Expr) -> None:
    """Two runs must see the same rows: nothing may become the time of day, or follow the machine's time zone."""
    if isinstance(node, exp.Literal) and node.is_string and str(node.this).strip().lower() in CLOCK_WORDS:
        raise SqlError(f"holds the text {node.this!r}, which a database takes for its own clock")
    if not _makes_time(node):
        return
    if not _arguments(node) or any(_is_word(child, "utc") for child in node.args.get("expressions") or ()):
        raise SqlError("asks the database for its own clock or time zone")
    if _by_unwritten_rule(node):
        raise SqlError("makes a time by a rule that is not written out")
    if node.find(exp.Column, exp.Subquery) is None and not _is_written_out(node):
        raise SqlError("makes a time of something that is neither a column nor a date written out")


def _by_unwritten_rule(node: exp.Expr) -> bool:
    """Whether a modifier of SQLite's date functions comes from somewhere else; one such word is its machine's zone."""
    if not isinstance(node, exp.Date | exp.Anonymous) or _name_of(node) not in MODIFIED:
        return False
    before = MODIFIED[_name_of(node)] if isinstance(node, exp.Anonymous) else 0
    rules = (node.args.get("expressions") or ())[before:]
    return any(not isinstance(rule, exp.Literal) for rule in rules)


def _name_of(node: exp.Expr) -> str:
    return str(node.this).lower() if isinstance(node, exp.Anonymous) else "date"


def _arguments(node: exp.Expr) -> bool:
    return bool(node.expressions) if isinstance(node, exp.Anonymous) else any(node.args.values())


def _makes_time(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast | exp.TryCast | exp.Convert):
        kind = node.this if isinstance(node, exp.Convert) else node.to
        return isinstance(kind, exp.DataType) and kind.is_type(*exp.DataType.TEMPORAL_TYPES)
    return isinstance(node, TIMES) or (isinstance(node, exp.Anonymous) and str(node.this).lower() in NAMED_TIMES)


def _is_word(node: object, word: str) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and str(node.this).strip().lower() == word


def _is_written_out(node: exp.Expr) -> bool:
    """Whether a constant time is made of literals that say it: every text begins with a digit or a format's sign."""
    texts = [literal for literal in node.find_all(exp.Literal) if literal.is_string]
    signs = "0123456789%+-"
    plain = all(str(text.this)[:1] in signs or str(text.this).isupper() for text in texts)
    return plain and node.find(exp.DPipe, exp.Add, exp.Concat, exp.Chr) is None


def _refuse_swelling(node: exp.Expr) -> None:
    """One value must not fill the memory of the server."""
    if isinstance(node, exp.Pad):
        width = node.expression
        if not isinstance(width, exp.Literal) or width.is_string or int(width.this) > _MOST_PADDED:
            raise SqlError(f"pads a text to a width that is not a number up to {_MOST_PADDED}")
    if isinstance(node, exp.Replace) and sum(map(_grows, node.find_all(exp.Replace))) > 1 and _grows(node):
        raise SqlError("replaces by a longer text inside what was replaced by a longer text already")
    if isinstance(node, (exp.Format, *_FORMATS_ALONE)) or _is_formatting(node):
        if not isinstance(_form_of(node), exp.Literal):
            raise SqlError("formats by something that is not written out")
        formats = [str(literal.this) for literal in node.find_all(exp.Literal) if literal.is_string]
        wide = not isinstance(node, _FORMATS_ALONE) and any(map(_WIDE.search, formats))
        if wide or any(len(text) > _LONGEST_FORMAT for text in formats):
            raise SqlError(f"formats a text to a width that is not a number up to {_MOST_PADDED}")


def _grows(node: exp.Replace) -> bool:
    """Whether a text may be longer after it."""
    old, new = node.expression, node.args.get("replacement")
    written = isinstance(old, exp.Literal) and isinstance(new, exp.Literal)
    return new is not None and not (written and len(new.this) <= len(old.this))


def _form_of(node: exp.Expr) -> object:
    """The format that a value is written by."""
    if isinstance(node, _FORMATS_ALONE):
        return node.args.get("format")
    return node.this if isinstance(node, exp.Format) else node.expressions[0] if node.expressions else None


def _is_formatting(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and _name_of(node) in ("printf", "strftime")


def _output_columns(tree: exp.Query) -> tuple[str, ...]:
    if any(select.is_star and not isinstance(select, exp.Func) for select in tree.selects):
        raise SqlError("selects *; name every output column")
    return tuple(select.output_name for select in tree.selects)


def _first_order(tree: exp.Query, columns: tuple[str, ...]) -> str | None:
    """The output column that the rows come by first, ascending; None if they come in no stated order."""
    order = tree.args.get("order")
    if order is None or not order.expressions or order.expressions[0].args.get("desc"):
        return None
    term = order.expressions[0].this
    if isinstance(term, exp.Literal) and not term.is_string:
        return columns[int(term.this) - 1] if 0 < int(term.this) <= len(columns) else None
    for select in tree.selects:
        if select.unalias() == term or (isinstance(term, exp.Column) and not term.table and term.name == select.alias):
            return str(select.alias_or_name)
    return None


def _reads(tree: exp.Query) -> Iterator[tuple[str, str]]:
    """Tables, and columns whose table is plain to see: by alias, or because the statement has only one table."""
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    read = [table for table in tree.find_all(exp.Table) if table.name not in defined]
    named: dict[str, set[str]] = {}
    for table in read:
        named.setdefault(table.alias_or_name, set()).add(table.name)
    yield from ((table.name, "") for table in read)
    only = read[0].name if len(read) == 1 and not defined and not list(tree.find_all(exp.Subquery)) else None
    aliases = {select.alias for query in tree.find_all(exp.Select) for select in query.selects if select.alias}
    for column in tree.find_all(exp.Column):
        tables = named.get(column.table, set())
        if len(tables) == 1 and column.table not in defined:
            yield next(iter(tables)), column.name
        elif not column.table and only and column.name not in aliases:
            yield only, column.name


def _render(tree: exp.Query, dialect: str) -> str:
    return tree.sql(_DIALECTS[dialect], identify=dialect == "mssql", comments=False)


def _word(node: exp.Expr) -> str:
    return node.key.upper()
