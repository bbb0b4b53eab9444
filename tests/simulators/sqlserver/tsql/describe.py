"""What sp_describe_undeclared_parameters suggests for each parameter of a statement.

Facts: learn.microsoft.com, "sp_describe_undeclared_parameters (Transact-SQL)".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sqlglot import exp

from tests.simulators.sqlserver.errors import Refused
from tests.simulators.sqlserver.kinds import SYSTEM_TYPES, Kind, precision_of
from tests.simulators.sqlserver.outcomes import Rows
from tests.simulators.sqlserver.storage.catalogue import StoredTable
from tests.simulators.sqlserver.tsql.types import kind_of
from tests.simulators.sqlserver.wire.tokens import Column

Find = Callable[[str, str], StoredTable | None]
_NAME: Final = Kind("nvarchar", 128)
_INT: Final = Kind("int")
_BIT: Final = Kind("bit")
_COLUMNS: Final = (
    *(Column("parameter_ordinal", _INT), Column("name", _NAME), Column("suggested_system_type_id", _INT)),
    *(Column("suggested_system_type_name", Kind("nvarchar", 256)), Column("suggested_max_length", Kind("smallint"))),
    *(Column("suggested_precision", Kind("tinyint")), Column("suggested_scale", Kind("tinyint"))),
    *(Column("suggested_user_type_id", _INT), Column("suggested_user_type_database", _NAME)),
    *(Column("suggested_user_type_schema", _NAME), Column("suggested_user_type_name", _NAME)),
    *(
        Column("suggested_assembly_qualified_type_name", Kind("nvarchar", 4_000)),
        Column("suggested_xml_collection_id", _INT),
    ),
    *(Column("suggested_xml_collection_database", _NAME), Column("suggested_xml_collection_schema", _NAME)),
    *(Column("suggested_xml_collection_name", _NAME), Column("suggested_is_xml_document", _BIT)),
    *(Column("suggested_is_case_sensitive", _BIT), Column("suggested_is_fixed_length_clr_type", _BIT)),
    *(Column("suggested_is_input", _BIT), Column("suggested_is_output", _BIT)),
    *(
        Column("formal_parameter_name", _NAME),
        Column("suggested_tds_type_id", _INT),
        Column("suggested_tds_length", _INT),
    ),
)
_WIRE: Final = {"int": 38, "bigint": 38, "smallint": 38, "tinyint": 38, "float": 109, "real": 109, "bit": 104}
_WIRE_OTHERS: Final = {"datetime": 111, "smalldatetime": 111, "decimal": 106, "numeric": 108, "money": 110}


def described(trees: list[exp.Expression], find: Find) -> Rows:
    """One row for each parameter, in order. Raises Refused where none can be suggested."""
    rows = []
    for tree in trees:
        for node in tree.find_all(exp.Parameter, bfs=False):
            if isinstance(node.this, exp.Var) and not isinstance(node.parent, exp.Parameter):
                rows.append((f"@{node.name}", _suggested(node, tree, find)))
    ordered = sorted(dict(rows).items(), key=lambda row: int("".join(filter(str.isdigit, row[0])) or 0))
    return Rows(_COLUMNS, [_row(number, name, kind) for number, (name, kind) in enumerate(ordered, 1)])


def _row(number: int, name: str, kind: Kind) -> list[object]:
    code, (precision, scale) = SYSTEM_TYPES[kind.name], precision_of(kind)
    wire = _WIRE.get(kind.name) or _WIRE_OTHERS.get(kind.name) or code
    nothing = [None] * 9
    tail = [False, False, False, True, False, None, wire, kind.bytes if kind.bytes >= 0 else 65_535]
    return [number, name, code, _written(kind), kind.bytes, precision, scale, *nothing, *tail]


def _written(kind: Kind) -> str:
    if kind.is_text or kind.is_binary:
        return f"{kind.name}({'max' if kind.length < 0 else kind.length})"
    if kind.name in ("decimal", "numeric"):
        return f"{kind.name}({kind.precision},{kind.scale})"
    return f"{kind.name}({kind.scale})" if kind.name in ("time", "datetime2", "datetimeoffset") else kind.name


def _suggested(node: exp.Parameter, tree: exp.Expression, find: Find) -> Kind:
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    match parent:
        case exp.Cast():
            return kind_of(parent.to, in_cast=True)
        case exp.Tuple() if isinstance(tree, exp.Insert):
            return _inserted(tree, parent.expressions.index(node), find)
        case exp.Binary() | exp.In() | exp.Between():
            for column in parent.find_all(exp.Column):
                if (kind := _column(column, tree, find)) is not None:
                    return kind
    raise Refused(
        11_508, f"The undeclared parameter '@{node.name}' is used more than once or in a way that is not modelled."
    )


def _inserted(tree: exp.Insert, place: int, find: Find) -> Kind:
    target = tree.this
    table = target.this if isinstance(target, exp.Schema) else target
    found = find(table.db or "dbo", table.name)
    if found is None:
        raise Refused(208, f"Invalid object name '{table.name}'.")
    names = [node.name for node in target.expressions] if isinstance(target, exp.Schema) else _all_but_identity(found)
    column = found.column(names[place])
    if column is None:
        raise Refused(207, f"Invalid column name '{names[place]}'.")
    return column.kind


def _all_but_identity(table: StoredTable) -> list[str]:
    return [column.name for column in table.columns if column.identity is None]


def _column(node: exp.Column, tree: exp.Expression, find: Find) -> Kind | None:
    return next(_found(node, tree, find), None)


def _found(node: exp.Column, tree: exp.Expression, find: Find) -> Iterator[Kind]:
    for table in tree.find_all(exp.Table):
        if node.table and node.table.lower() != table.alias_or_name.lower():
            continue
        found = find(table.db or "dbo", table.name)
        if found is not None and (column := found.column(node.name)) is not None:
            yield column.kind
