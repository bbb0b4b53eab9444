"""A target profile out of its TOML document."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from engine.profiles import schema
from engine.profiles.common import (
    QueryReader,
    read_database,
    read_head,
    read_orientation,
    read_teeth,
)
from engine.profiles.expressions import Expression
from engine.profiles.integrity import read_integrity, refuse_two_forms
from engine.profiles.limits import TextLimit, TimeLimit, read_text_limit, read_time_limit
from engine.profiles.made_keys import ALLOCATIONS, refuse_known_too_late
from engine.profiles.native import read_native
from engine.profiles.native_rules import NativeRules
from engine.profiles.schema import (
    DatabaseRules,
    FileRule,
    InsertRule,
    KeyRule,
    TargetAudit,
    TargetProfile,
)
from engine.profiles.scopes import read_row_expression
from engine.profiles.target_paths import endings_clash, read_path
from engine.toml.document import Document, Table
from engine.toml.suggest import allowed, closest

_SECTIONS: Final = (
    *("profile", "database", "keys", "insert", "codes", "text", "time"),
    *("teeth", "orientation", "files", "native", "audit"),
)
_Limit = TypeVar("_Limit", TextLimit, TimeLimit)


def read_target(document: Document) -> TargetProfile:
    """The target profile that `document` describes. Raises UsageProblem with file and line."""
    root = document.table()
    head = read_head(document, "target")
    root.only(_SECTIONS)
    database = read_database(root.table("database"))
    columns = _Columns(database)
    insert = tuple(_insert(table, columns) for table in root.tables("insert"))
    native = read_native(root.table("native"))
    inserted = {f"{rule.table}.{column}": value for rule in insert for column, value in rule.columns.items()}
    _refuse_incomplete_rows(root, insert)
    refuse_two_forms(root, insert)
    keys, files = _keys(root.table("keys"), columns), _files(root, inserted, native)
    refuse_known_too_late(root, keys, insert, files, native)
    return TargetProfile(
        profile=head,
        database=database,
        keys=keys,
        insert=insert,
        codes=_codes(root.table("codes")),
        text=_limits(root.table("text"), inserted, read_text_limit),
        time=_limits(root.table("time"), inserted, read_time_limit),
        teeth=read_teeth(root.table("teeth")),
        orientation=read_orientation(root.table("orientation"), with_template=True),
        files=files,
        native=native,
        audit=_audit(root.table("audit"), QueryReader(database.dialects, database.relies_on), insert),
        digest=hashlib.sha256(document.content).hexdigest(),
    )


class _Columns:
    """The tables and columns the profile relies on; exact spelling, as rows are inserted by these names."""

    def __init__(self, database: DatabaseRules) -> None:
        self._known = database.relies_on

    def check(self, table: Table, key: str, name: str, column: str) -> None:
        if name not in self._known:
            advice = f'add {name} = ["{column}"] to [database.relies_on], or correct the name'
            raise table.problem(key, f"database.relies_on has no table {name}{closest(name, self._known)}", advice)
        if column not in self._known[name]:
            near = closest(column, self._known[name])
            advice = f'add "{column}" to {name} in [database.relies_on], or correct the name'
            raise table.problem(key, f"database.relies_on has no column {name}.{column}{near}", advice)


def _keys(table: Table, columns: _Columns) -> Mapping[str, KeyRule]:
    table.only(schema.KEYED_ENTITIES)
    return {name: _key(table.table(name), columns) for name in schema.KEYED_ENTITIES}


def _key(table: Table, columns: _Columns) -> KeyRule:
    table.only(("table", "column", "allocation"))
    columns.check(table, "column", table.text("table"), table.text("column"))
    return KeyRule(table.text("table"), table.text("column"), table.word("allocation", ALLOCATIONS))


def _insert(table: Table, columns: _Columns) -> InsertRule:
    table.only(("entity", "table", "columns"))
    entity, name, values = table.word("entity", schema.KEYED_ENTITIES), table.text("table"), table.table("columns")
    for column in values.value:
        columns.check(values, column, name, column)
    return InsertRule(entity, name, {column: read_row_expression(values, column, entity) for column in values.value})


def _refuse_incomplete_rows(root: Table, insert: tuple[InsertRule, ...]) -> None:
    """A parent's rows come before its children's, no table is filled twice, and every kept entity has a row."""
    order = [schema.KEYED_ENTITIES.index(rule.entity) for rule in insert]
    if order != sorted(order) or set(order) != set(range(len(schema.KEYED_ENTITIES))):
        raise root.problem(
            "insert", f"rows must come entity by entity; {allowed(schema.KEYED_ENTITIES)}, in this order"
        )
    tables = [rule.table for rule in insert]
    for index, name in enumerate(tables):
        if name in tables[:index]:
            advice = "write one [[insert]] for each table, with all its columns"
            raise root.document.problem(("insert", index), f"table {name} is filled by two rules", advice)


def _codes(table: Table) -> Mapping[str, Mapping[str, int | str]]:
    table.only(schema.CODE_LISTS)
    return {name: _code_list(table.table(name).only(words)) for name, words in schema.CODE_LISTS.items()}


def _code_list(table: Table) -> Mapping[str, int | str]:
    """Every word of the model has a code, and no two words share one: nothing may be merged."""
    seen: dict[int | str, str] = {}
    for word, code in table.value.items():
        if not isinstance(code, int | str) or isinstance(code, bool):
            raise table.problem(word, f"the code of {word} must be an integer or a text")
        if code in seen:
            advice = "give each word a code of its own, or what was two would become one"
            raise table.problem(word, f"{word} and {seen[code]} share the code {code!r}", advice)
        seen[code] = word
    return dict(table.value)


def _limits(table: Table, inserted: Mapping[str, Expression], read: Callable[[Table], _Limit]) -> Mapping[str, _Limit]:
    for column in table.value:
        if column not in inserted:
            near = closest(column, inserted)
            raise table.problem(column, f'{column!r} is no inserted column{near}; write "Table.Column"')
    return {column: read(entry) for column, entry in table.named_tables()}


def _files(root: Table, inserted: Mapping[str, Expression], native: NativeRules) -> tuple[FileRule, ...]:
    rules = tuple(_file(table, inserted, native) for table in root.tables("files"))
    if tuple(rule.when for rule in rules) != schema.FILE_CASES:
        raise root.problem("files", f"one rule for each case is needed; {allowed(schema.FILE_CASES)}, in this order")
    for index, rule in enumerate(rules):
        if any(endings_clash(rule.path, other.path) for other in rules[:index]):
            what = "two rules could give two images one path; end their paths differently, or write the same path"
            raise root.document.problem(("files", index, "path"), what)
    return rules


def _file(table: Table, inserted: Mapping[str, Expression], native: NativeRules) -> FileRule:
    table.only(("when", "type", "path", "integrity"))
    when, kind = table.word("when", schema.FILE_CASES), table.word("type", (native.type, "jpg", "png"))
    if when == "photo-jpeg" and kind == "png":
        raise table.problem("type", "a JPEG is carried bit for bit; type png would decode it", 'write type = "jpg"')
    integrity = read_integrity(table.table("integrity"), inserted, native if kind == native.type else None)
    return FileRule(when, kind, read_path(table, "path"), integrity)


def _audit(table: Table, queries: QueryReader, insert: tuple[InsertRule, ...]) -> TargetAudit:
    table.only(("patients", "images", "look_up", "rows"))
    rows = table.table("rows").only(tuple(rule.table for rule in insert))
    return TargetAudit(
        patients=queries.single(table, "patients"),
        images=queries.single(table, "images"),
        look_up=queries.columns(table, "look_up", schema.LOOK_UP_COLUMNS, "patient_key"),
        rows={name: queries.columns(rows, name, ("key",), "key") for name in rows.value},
    )
