"""Whether the tables of a target take what the profile inserts, judged by their columns before any value is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql

from engine.profiles.expressions import FORMS, Call, Expression, Literal
from engine.profiles.kinds import kind_of
from engine.profiles.schema import InsertRule, TargetProfile
from engine.profiles.target_paths import longest_path
from engine.target.fit import Holder
from engine.target.limits import fitted
from protocol.vocabulary import FindingCode

ColumnOf = Callable[[str, str], sa.Column[Any] | None]  # table and column as the profile writes them
_A_DAY, _A_MOMENT = date(2019, 3, 4), datetime(2019, 3, 4, 10, 30, 31)  # noqa: DTZ001 - the practice's own clock
_HASH_WORDS: Final = FORMS | {"integrity"}


def holders(profile: TargetProfile, dialect: str, column_of: ColumnOf) -> Mapping[str, Holder]:
    """Every column that the profile fills and the database has, by "Table.Column" as the profile writes it."""
    found = {}
    for rule in profile.insert:
        for name in rule.columns:
            place = f"{rule.table}.{name}"
            if (column := column_of(rule.table, name)) is not None:
                found[place] = Holder(_plain(column.type), dialect, bool(column.nullable), profile.text.get(place))
    return found


def unfit(profile: TargetProfile, dialect: str, column_of: ColumnOf) -> Iterator[tuple[str, str]]:
    """ "Table.Column", and a sentence, for each column that cannot be filled as the profile says."""
    columns = holders(profile, dialect, column_of)
    for rule in profile.insert:
        for name, expression in rule.columns.items():
            place = f"{rule.table}.{name}"
            if (column := column_of(rule.table, name)) is not None and (
                problem := _problem(column, columns[place], profile, place, expression)
            ):
                yield place, f"{expression.text} {problem}"
        yield from _left_empty(rule, column_of)


def _plain(kind: Any) -> Any:
    """A domain of PostgreSQL as the type it is made of."""
    return kind.data_type if isinstance(kind, postgresql.DOMAIN) else kind


def _problem(
    column: sa.Column[Any], holder: Holder, profile: TargetProfile, place: str, expression: Expression
) -> str | None:
    if column.computed is not None:
        return "is computed by the database itself; leave the column out of [[insert]]"
    if _is_key(expression) and isinstance(holder.kind, sa.String):
        return f"is a number by which rows are looked for, and the column holds text; write text({expression.text})"
    values = (fitted(profile, place, "", value, _unnoticed) for value in _known(profile, expression))
    return next((problem for value in values if (problem := holder.misfit(value))), None)


def _is_key(expression: Expression) -> bool:
    """Whether the value is a key and nothing else: such columns are asked for spans of keys."""
    return isinstance(expression.root, Call) and expression.root.function == "key"


def _known(profile: TargetProfile, expression: Expression) -> Iterator[object]:
    """Values that the expression gives, or some of their kind, as far as they are known from the profile alone."""
    root = expression.root
    match root:
        case Call(function="code", arguments=(Literal(value=codes), _)):
            yield from profile.codes[str(codes)].values()
        case Call(function="path"):
            yield "x" * max(longest_path(rule.path) for rule in profile.files)
        case _ if expression.functions and expression.functions <= _HASH_WORDS and not expression.names:
            yield from _hashes(profile, expression)
        case _ if not expression.names and not expression.functions:
            yield root.evaluate({}, {})
        case _:
            yield from _of_kind(kind_of(root))


def _hashes(profile: TargetProfile, expression: Expression) -> Iterator[object]:
    """The largest and the smallest hash of each kind of file, in the form the expression gives it."""
    for size in {rule.integrity.size for rule in profile.files}:
        for byte in (b"\xff", b"\x7f", b"\x80", b"\0"):
            yield expression.evaluate({}, {"integrity": lambda whole=byte + b"\xff" * (size - 1): whole})


def _of_kind(kind: str) -> Iterator[object]:
    samples: Mapping[str, object] = {"integer": 1, "day": _A_DAY, "moment": _A_MOMENT, "bytes": b"\0"}
    if kind in samples:
        yield samples[kind]


def _left_empty(rule: InsertRule, column_of: ColumnOf) -> Iterator[tuple[str, str]]:
    """Columns of the table that must be filled and are not, and that the database does not fill either."""
    filled = {column.name: column for name in rule.columns if (column := column_of(rule.table, name)) is not None}
    for column in next(iter(filled.values())).table.columns if filled else ():
        if not (column.nullable or column.name in filled or _fills_itself(column)):
            detail = "is NOT NULL without a default, and no [[insert]] fills it; add it to columns"
            yield f"{rule.table}.{column.name}", detail


def _fills_itself(column: sa.Column[Any]) -> bool:
    if column.server_default is not None or column.computed is not None or column.identity is not None:
        return True
    keys = [key.name for key in column.table.primary_key]
    is_row_number = keys == [column.name] and isinstance(column.type, sa.Integer)  # SQLite's own
    return is_row_number or isinstance(column.type, mssql.TIMESTAMP)


def _unnoticed(code: FindingCode, detail: str) -> None:
    return None
