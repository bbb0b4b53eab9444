"""Types as sqlglot's trees write them, as PostgreSQL keeps them, and as a result is described."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from tests.simulators.sqlserver.errors import Refused
from tests.simulators.sqlserver.kinds import MAX, Kind, named

_CAST_LENGTH: Final = 30  # of a CAST that gives none
_NAMES: Final = {
    **{"TEXT": "varchar(max)", "BOOLEAN": "bit", "UTINYINT": "tinyint", "DOUBLE": "float", "FLOAT": "float"},
    **{"TIMESTAMPTZ": "datetimeoffset", "TIMESTAMP": "datetime2", "DATETIME": "datetime", "DATETIME2": "datetime2"},
    **{"UUID": "uniqueidentifier", "UNIQUEIDENTIFIER": "uniqueidentifier", "ROWVERSION": "rowversion"},
    **{"SMALLDATETIME": "smalldatetime", "SMALLMONEY": "smallmoney"},
}
_STORED: Final = {
    **{"tinyint": "smallint", "smallint": "smallint", "int": "integer", "bigint": "bigint", "bit": "smallint"},
    **{"float": "double precision", "real": "real", "money": "numeric(19,4)", "smallmoney": "numeric(10,4)"},
    **{"date": "date", "datetime": "timestamp", "smalldatetime": "timestamp", "uniqueidentifier": "uuid"},
    **dict.fromkeys(("varchar", "char", "nvarchar", "nchar", "xml"), "text"),
    **dict.fromkeys(("varbinary", "binary"), "bytea"),
}
_SHORT_TEXT: Final = Kind("nvarchar", 4_000)
BY_OID: Final = {  # of a result that is no column and whose expression tells nothing
    **{16: Kind("bit"), 21: Kind("smallint"), 23: Kind("int"), 20: Kind("bigint"), 26: Kind("bigint")},
    **{700: Kind("real"), 701: Kind("float"), 1114: Kind("datetime2", scale=7), 1082: Kind("date")},
    **{1083: Kind("time", scale=7), 1184: Kind("datetimeoffset", scale=7), 2950: Kind("uniqueidentifier")},
    **{25: _SHORT_TEXT, 1043: _SHORT_TEXT, 1042: _SHORT_TEXT, 19: _SHORT_TEXT, 705: _SHORT_TEXT},
    **{17: Kind("varbinary", 8_000)},
}
NUMERIC_OID: Final = 1700


def stored(kind: Kind) -> str:
    """PostgreSQL's type for it. A finer time than a microsecond is not kept."""
    match kind.name:
        case "decimal" | "numeric":
            return f"numeric({kind.precision},{kind.scale})"
        case "time" | "datetime2":
            return f"{'time' if kind.name == 'time' else 'timestamp'}({min(kind.scale, 6)})"
        case "datetimeoffset":
            return f"timestamptz({min(kind.scale, 6)})"
    return _STORED[kind.name]


def parameter_type(kind: Kind) -> str:
    """PostgreSQL's type for a parameter: never one that rounds."""
    return "numeric" if kind.name in ("decimal", "numeric", "money", "smallmoney") else stored(kind)


def kind_of(node: exp.DataType, *, in_cast: bool = False) -> Kind:
    """The type that a tree writes. Raises Refused."""
    arguments = [part.name for part in node.expressions]
    if node.this == exp.DataType.Type.USERDEFINED:
        name = str(node.args.get("kind") or "")
    else:
        name = _NAMES.get(node.this.value, node.this.value.lower())
    if name == "varchar(max)":
        return Kind("varchar", MAX)
    try:
        sizes = tuple(MAX if each.lower() == "max" else int(each) for each in arguments)
        return named(name, sizes, length=_CAST_LENGTH if in_cast else 1)
    except (KeyError, ValueError):
        raise Refused(2715, f"Cannot find data type {name}.") from None


def literal_kind(written: str) -> Kind:
    """The type that a declaration such as `nvarchar(40)` writes. Raises Refused."""
    name, _, rest = written.strip().partition("(")
    sizes = [part.strip() for part in rest.rstrip(")").split(",") if part.strip()]
    try:
        return named(name.strip(), tuple(MAX if each.lower() == "max" else int(each) for each in sizes))
    except (KeyError, ValueError):
        raise Refused(2715, f"Cannot find data type {name}.") from None
