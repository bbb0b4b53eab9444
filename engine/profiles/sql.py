"""The guard on a profile's SQL: one pure SELECT, judged by what it is made of, never by what it looks like.

Everything is refused that is not on the lists below: statements, clauses and functions alike. What runs afterwards is
rendered from the tree that was judged, without comments, so the database never sees a text the guard did not read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_DIALECTS: Final = {"postgresql": "postgres", "mssql": "tsql", "sqlite": "sqlite"}
_MOST_CHARACTERS: Final = 20_000  # the longest bundled query has 1,300; a parser is not to be fed a book

_CLAUSES: Final = (
    *(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.Values),
    *(exp.From, exp.Join, exp.Lateral, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Distinct),
    *(exp.Limit, exp.Offset, exp.Fetch, exp.LimitOptions),
    *(exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Tuple, exp.Paren),
    *(exp.Literal, exp.Boolean, exp.Null, exp.DataType, exp.DataTypeParam, exp.Var, exp.Interval),
    *(exp.Window, exp.WindowSpec, exp.PartitionedByProperty),
)
_OPERATORS: Final = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.Neg, exp.BitwiseAnd, exp.BitwiseOr),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between),
    *(exp.Like, exp.ILike, exp.Escape, exp.Exists, exp.Any, exp.All, exp.Collate, exp.AtTimeZone),
)
_FUNCTIONS: Final = (
    *(exp.Count, exp.Max, exp.Min, exp.Sum, exp.Avg, exp.RowNumber, exp.Rank, exp.Lag, exp.Lead, exp.GroupConcat),
    *(exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Abs, exp.Round, exp.Greatest, exp.Least),
    *(exp.Upper, exp.Lower, exp.Trim, exp.Substring, exp.Length, exp.Concat, exp.Left, exp.Right, exp.Replace),
    *(exp.StrPosition, exp.Extract, exp.Date, exp.Timestamp, exp.DateAdd, exp.TsOrDsToDate, exp.TimeToStr, exp.Hex),
)
_PURE: Final[tuple[type[exp.Expression], ...]] = (*_CLAUSES, *_OPERATORS, *_FUNCTIONS)
# Pure functions that the parser knows by name only.
_NAMED_FUNCTIONS: Final = frozenset(
    {"replace", "ltrim", "rtrim", "datetime", "strftime", "julianday", "len", "charindex"}
)


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
    _refuse_impure(tree)
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
        raise SqlError(f"is not understood as {dialect}") from problem
    if len(trees) != 1:
        raise SqlError(f"holds {len(trees)} statements, exactly one SELECT is allowed")
    if not isinstance(trees[0], exp.Select | exp.SetOperation):
        raise SqlError(f"is {_word(trees[0])}, only SELECT is allowed")
    return trees[0]


def _refuse_impure(tree: exp.Expr) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous):
            _refuse_unknown_function(node)
        elif type(node) not in _PURE:
            raise SqlError(f"holds {_word(node)}, which is not on the list of pure SELECT parts")
        if isinstance(node, exp.Table) and node.args.get("catalog") is not None:
            raise SqlError("names a table of another database")
        if isinstance(node, exp.Select) and node.args.get("hint") is not None:
            raise SqlError("holds a hint")


def _refuse_unknown_function(node: exp.Anonymous) -> None:
    name = str(node.this).lower()
    if name not in _NAMED_FUNCTIONS:
        raise SqlError(f"calls {name}(), which is not on the list of pure functions")


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
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table) if table.name not in defined}
    yield from ((name, "") for name in tables.values())
    only = next(iter(tables.values())) if len(tables) == 1 and not defined else None
    aliases = {select.alias for query in tree.find_all(exp.Select) for select in query.selects if select.alias}
    for column in tree.find_all(exp.Column):
        if column.table in tables:
            yield tables[column.table], column.name
        elif not column.table and only and column.name not in aliases:
            yield only, column.name


def _render(tree: exp.Query, dialect: str) -> str:
    return tree.sql(_DIALECTS[dialect], identify=dialect == "mssql", comments=False)


def _word(node: exp.Expr) -> str:
    return node.key.upper()
