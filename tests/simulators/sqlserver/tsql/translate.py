"""SELECT, INSERT, UPDATE and DELETE as PostgreSQL's. What only the session knows is asked of it while translating."""

# ruff: noqa: PLR0911 - a type or a node a line
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlglot import exp

from tests.simulators.sqlserver.errors import Refused, not_modelled
from tests.simulators.sqlserver.kinds import MAX, Kind
from tests.simulators.sqlserver.storage.catalogue import StoredTable
from tests.simulators.sqlserver.tsql.types import kind_of, parameter_type, stored

Value = str | int | None
# Gives the value of a function that only the session or the server knows. Raises KeyError for one it does not.
Facts = Callable[[str, Sequence[Value]], Value]
# Gives the rows of a view that only the server knows, with their column names; None for any other.
Views = Callable[[str], tuple[Sequence[str], Sequence[Sequence[Value]]] | None]

_SCHEMAS: Final = {"information_schema": "ischema", "": ""}
_NO_HINTS: Final = {"NOLOCK", "READPAST", "READCOMMITTEDLOCK", "READUNCOMMITTED", "ROWLOCK", "READCOMMITTED"}
_PLAIN_FUNCTIONS: Final = {"len": "tsql.len", "charindex": "tsql.charindex", "newid": "gen_random_uuid"}


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter of the batch."""

    kind: Kind
    value: Any


@dataclass(frozen=True)
class Translated:
    """A statement for PostgreSQL, and the values it takes in order."""

    sql: str
    values: tuple[Any, ...]
    locked: tuple[str, ...]  # tables to be locked before, against writers


class Translation:
    """Translates one statement."""

    def __init__(self, given: Mapping[str, Given], facts: Facts, views: Views) -> None:
        self._given, self._facts, self._views = given, facts, views
        self._values: list[Any] = []
        self._locked: list[str] = []

    def of(self, tree: exp.Expression) -> Translated:
        """Raises Refused."""
        for node in reversed(list(tree.dfs())):
            made = self._rule(node)
            if made is node:
                continue
            if node is tree:
                tree = made
            else:
                node.replace(made)
        return Translated(tree.sql("postgres", identify=True), tuple(self._values), tuple(self._locked))

    def _rule(self, node: exp.Expression) -> exp.Expression:
        match node:
            case exp.Identifier():
                return exp.to_identifier(node.this.lower(), quoted=True)
            case exp.National():
                return exp.Literal.string(node.name)
            case exp.Parameter():
                return self._parameter(node)
            case exp.Cast():
                return _cast(node)
            case exp.Collate():
                return _collated(node)
            case exp.Length():
                inner = node.this.this if isinstance(node.this, exp.Cast) else node.this
                return exp.Anonymous(this="tsql.len", expressions=[inner])
            case exp.Anonymous():
                return self._function(node)
            case exp.ObjectId():
                return _literal(self._fact("object_id", [self._constant(node.this)]))
            case exp.Table():
                return self._table(node)
            case exp.CurrentSchema():
                return _literal("dbo")
            case exp.Column() if node.table and _orders_a_union(node):
                return exp.column(node.this)
            case exp.Column() if node.args.get("db") is not None:
                return exp.column(node.this, table=node.args["table"])
        return node

    def _parameter(self, node: exp.Parameter) -> exp.Expression:
        if isinstance(node.parent, exp.Parameter):
            return node
        if isinstance(node.this, exp.Parameter):
            return _literal(self._fact(f"@@{node.this.name.lower()}", ()))
        name = f"@{node.name.lower()}"
        if name not in self._given:
            raise Refused(137, f'Must declare the scalar variable "{name}".')
        given = self._given[name]
        self._values.append(sent(given))
        return exp.var(f"CAST(${len(self._values)} AS {parameter_type(given.kind)})")

    def _function(self, node: exp.Anonymous) -> exp.Expression:
        name = str(node.this).lower()
        if name in _PLAIN_FUNCTIONS:
            return exp.Anonymous(this=_PLAIN_FUNCTIONS[name], expressions=node.expressions)
        if name.startswith(("tsql.", "gen_")):
            return node
        if name == "fn_listextendedproperty":
            return exp.var("(SELECT 1 WHERE FALSE)")
        return _literal(self._fact(name, [self._constant(each) for each in node.expressions]))

    def _fact(self, name: str, arguments: Sequence[Value]) -> Value:
        try:
            return self._facts(name, arguments)
        except KeyError:
            raise Refused(195, f"'{name}' is not a recognized function name.") from None

    def _constant(self, node: exp.Expression) -> Value:
        match node:
            case exp.Literal():
                return node.name if node.is_string else int(node.name)
            case exp.Null():
                return None
            case exp.Cast() | exp.Paren():
                return self._constant(node.this)
            case exp.Var() if node.name.startswith("CAST($"):
                return self._values[int(node.name[6:].partition(" ")[0]) - 1]  # type: ignore[no-any-return]
        raise not_modelled(f"a function of {node.sql('tsql')}")

    def _table(self, node: exp.Table) -> exp.Expression:
        if not isinstance(node.this, exp.Identifier):
            return exp.Subquery(this=exp.var(node.this.name.strip("()")), alias=node.args.get("alias") or _alias("f"))
        schema = _SCHEMAS.get(node.db, node.db)
        hints = {var.name.upper() for hint in node.args.get("hints") or () for var in hint.expressions}
        for each in hints - _NO_HINTS - {"TABLOCK", "HOLDLOCK"}:
            raise not_modelled(f"the table hint {each}")
        made = exp.Table(this=node.this, db=exp.to_identifier(schema, quoted=True) if schema else None)
        if alias := node.args.get("alias"):
            made.set("alias", alias)
        if "TABLOCK" in hints:
            self._locked.append(exp.Table(this=node.this.copy(), db=made.args["db"]).sql("postgres", identify=True))
        for part in ("joins", "pivots"):
            if node.args.get(part):
                made.set(part, node.args[part])
        found = self._views(f"{schema}.{node.name}") if schema == "sys" else None
        return made if found is None else _listed(*found, node.args.get("alias") or _alias(node.name))


def _orders_a_union(node: exp.Column) -> bool:
    """PostgreSQL takes the names of the result only there."""
    order = node.find_ancestor(exp.Order, exp.Select)
    return isinstance(order, exp.Order) and isinstance(order.parent, exp.SetOperation)


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name, quoted=True))


def _listed(names: Sequence[str], rows: Sequence[Sequence[Value]], alias: exp.TableAlias) -> exp.Expression:
    heads = ", ".join(f'"{name}"' for name in names)
    body = " UNION ALL ".join(f"SELECT {', '.join(_literal(value).sql('postgres') for value in row)}" for row in rows)
    return exp.Subquery(this=exp.var(f'SELECT * FROM ({body}) AS "rows" ({heads})'), alias=alias)


def _literal(value: Value) -> exp.Expression:
    if value is None:
        return exp.null()
    return (
        exp.var(str(value)) if isinstance(value, int) else exp.var("CAST('" + value.replace("'", "''") + "' AS text)")
    )


def _cast(node: exp.Cast) -> exp.Expression:
    kind, inner = kind_of(node.to, in_cast=True), node.this
    if kind.is_binary:
        source = node.this
        made: exp.Expression = (
            exp.Anonymous(this="tsql.utf16", expressions=[source]) if _is_text(source) else _plain(source, "bytea")
        )
        return made
    plain = _plain(inner, parameter_type(kind) if kind.name in ("decimal", "numeric") else stored(kind))
    if kind.is_text and kind.length != MAX:
        return exp.Anonymous(this="tsql.cut", expressions=[plain, exp.Literal.number(kind.length)])
    if kind.name in ("datetime", "smalldatetime", "tinyint"):
        return exp.Anonymous(this=f"tsql.as_{kind.name}", expressions=[plain])
    if kind.name == "bit":
        return exp.Anonymous(this="tsql.as_bit", expressions=[_plain(inner, "numeric")])
    return plain if not kind.name.startswith("decimal") else _plain(inner, stored(kind))


def _plain(node: exp.Expression, kind: str) -> exp.Expression:
    return exp.var(f"CAST({node.sql('postgres', identify=True)} AS {kind})")


def _is_text(node: exp.Expression) -> bool:
    written = node.sql("postgres")
    return written.endswith(" AS text)") or written.upper().startswith("TSQL.CUT(") or isinstance(node, exp.Literal)


def _collated(node: exp.Collate) -> exp.Expression:
    name = node.expression.name.upper()
    if "_BIN" in name or "_CS_" in name:
        raise not_modelled(f"the collation {name}")
    return node.this


def sent(given: Given) -> Any:
    """A value as psycopg takes it."""
    if given.value is None:
        return None
    if isinstance(given.value, bytes):
        return "\\x" + given.value.hex()
    return str(int(given.value)) if isinstance(given.value, bool) else str(given.value)


def output_names(tree: exp.Expression) -> list[str] | None:
    """The names of a result's columns as the statement writes them; None where only the tables know."""
    query = tree
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    selected = query.args["returning"].expressions if query.args.get("returning") else query.expressions
    if any(node.is_star for node in selected):
        return None
    return [node.alias_or_name if isinstance(node, exp.Alias | exp.Column) else "" for node in selected]


def kinds(
    tree: exp.Expression, given: Mapping[str, Given], find: Callable[[str, str], StoredTable | None]
) -> list[Kind | None]:
    """What each column of a result is, where the statement tells; None where PostgreSQL is to be believed."""
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    if not isinstance(tree, exp.Select) or any(node.is_star for node in tree.expressions):
        return []
    tables = {table.alias_or_name.lower(): table for table in tree.find_all(exp.Table)}

    def column(node: exp.Column) -> Kind | None:
        places = [tables[node.table.lower()]] if node.table.lower() in tables else tables.values()
        for table in places:
            found = find(table.db or "dbo", table.name) if isinstance(table.this, exp.Identifier) else None
            if found is not None and (known := found.column(node.name)) is not None:
                return known.kind
        return None

    def kind(node: exp.Expression) -> Kind | None:
        match node:
            case exp.Alias() | exp.Paren() | exp.Max() | exp.Min():
                return kind(node.this)
            case exp.Column():
                return column(node)
            case exp.Cast():
                return kind_of(node.to, in_cast=True)
            case exp.Coalesce():
                return kind(node.this)
            case exp.Count():
                return Kind("int")
            case exp.Sum():
                inner = kind(node.this)
                return Kind("int") if inner is not None and inner.name in ("tinyint", "smallint", "int") else None
            case exp.Literal() if node.is_string:
                return Kind("varchar", max(len(node.name), 1))
            case exp.National():
                return Kind("nvarchar", max(len(node.name), 1))
            case exp.Parameter() if isinstance(node.this, exp.Var):
                return given[f"@{node.name.lower()}"].kind if f"@{node.name.lower()}" in given else None
            case exp.Anonymous() if str(node.this).lower() == "scope_identity":
                return Kind("decimal", precision=38)
        return None

    return [kind(node) for node in tree.expressions]
