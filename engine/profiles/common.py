"""What both kinds of profile say: who they are about, queries, codes, teeth, orientation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from engine.profiles import schema
from engine.profiles.schema import DatabaseRules, OrientationRules, ProfileHead, Query, TeethRules
from engine.profiles.sql import PureSelect, SqlError, pure_select
from engine.toml.document import Document, Table
from engine.toml.suggest import allowed, closest

_ID: Final = re.compile(r"\A[a-z0-9][a-z0-9_-]{0,63}\Z")
IDENTIFIER: Final = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def read_head(document: Document, role: str) -> ProfileHead:
    """[profile], which must be of `role`. Read first: a profile of the other role is best told by its role."""
    root = document.table()
    if not root.has("profile"):
        advice = f'begin the file with [profile] and role = "{role}"; docs/profiles.md shows how'
        raise document.problem((), "[profile] is missing; this is not a profile", advice)
    table = root.table("profile").only(("id", "role", "system", "versions", "basis"))
    if not _ID.match(table.text("id")):
        raise table.problem("id", "profile.id must be lower-case letters, digits, - and _")
    if table.word("role", ("source", "target")) != role:
        advice = f'name a {role} profile, or correct the line to role = "{role}"'
        raise table.problem("role", f"this is a {table.text('role')} profile; a {role} profile is needed here", advice)
    return ProfileHead(
        id=table.text("id"),
        role=role,
        system=table.filled_text("system"),
        versions=table.texts("versions"),
        basis=table.word("basis", schema.BASES),
    )


def read_database(table: Table) -> DatabaseRules:
    """[database]: dialects, the version question, tables and columns the profile relies on."""
    table.only(("dialects", "version", "relies_on"))
    dialects = table.words("dialects", schema.DIALECTS)
    tables = table.table("relies_on")
    relies_on = {name: _columns(tables, name) for name in tables.value}
    _refuse_same_but_case(tables)
    version = QueryReader(dialects, relies_on).single(table, "version")
    return DatabaseRules(dialects, version, relies_on, _kinds(tables))


def _columns(table: Table, name: str) -> tuple[str, ...]:
    """The columns of one table: a list of names, or a table of names with the kind of each."""
    columns = tuple(table.value[name]) if isinstance(table.value[name], dict) else table.texts(name)
    for identifier in (name, *columns):
        if not IDENTIFIER.match(identifier):
            advice = "write letters, digits and _ only, beginning with a letter or _"
            raise table.problem(name, f"{identifier!r} is not a name of a table or column", advice)
    return columns


def _kinds(table: Table) -> Mapping[str, Mapping[str, str]]:
    stated = {name: table.table(name) for name, columns in table.value.items() if isinstance(columns, dict)}
    return {
        name: {column: columns.word(column, schema.COLUMN_KINDS) for column in columns.value}
        for name, columns in stated.items()
    }


def _refuse_same_but_case(table: Table) -> None:
    seen: dict[str, str] = {}
    for name in table.value:
        if name.lower() in seen:
            advice = "leave one of the two out; most databases take them for one table"
            raise table.problem(name, f"{name} and {seen[name.lower()]} differ only in case", advice)
        seen[name.lower()] = name


class QueryReader:
    """Reads queries: judged in every dialect of the profile, and held against the columns it relies on."""

    def __init__(self, dialects: tuple[str, ...], relies_on: Mapping[str, tuple[str, ...]]) -> None:
        self._dialects = dialects
        self._known = {name.lower(): {column.lower() for column in columns} for name, columns in relies_on.items()}

    def single(self, table: Table, key: str) -> Query:
        """A question with one answer: one output column."""
        query = self.read(table, key)
        if len(query.columns) != 1:
            advice = "select one value only, such as COUNT(*)"
            raise table.problem(key, f"{key} selects {len(query.columns)} columns; one is allowed", advice)
        return query

    def columns(self, table: Table, key: str, required: Collection[str], ordered_by: str) -> Query:
        """A query with at least the `required` output columns, its rows coming by `ordered_by` first."""
        selects = self._selects(table, key)
        for dialect, select in selects.items():
            for column in sorted(required):
                if column not in select.columns:
                    near = closest(column, select.columns)
                    advice = f"add ... AS {column}, or NULL AS {column} if the system holds nothing of the kind"
                    what = f"the {dialect} query selects no column named {column}{near}"
                    raise table.problem(key, what, advice)
            if select.first_order != ordered_by:
                what = f"the {dialect} query must ORDER BY what it selects as {ordered_by}, ascending"
                raise table.problem(key, what, f"end the query with ORDER BY {ordered_by}, and what else you like")
        return _query(selects)

    def read(self, table: Table, key: str) -> Query:
        """Any single SELECT."""
        return _query(self._selects(table, key))

    def _selects(self, table: Table, key: str) -> Mapping[str, PureSelect]:
        texts = self._texts(table, key)
        selects = {dialect: self._judged(table, key, dialect, texts[dialect]) for dialect in self._dialects}
        if len({select.columns for select in selects.values()}) > 1:
            advice = "give the columns the same names, in the same order, in every dialect"
            raise table.problem(key, f"{key} selects other columns in one dialect than in another", advice)
        return selects

    def _texts(self, table: Table, key: str) -> Mapping[str, str]:
        """The text for each dialect: one for all, or a table of dialects with `any` for those it does not name."""
        if isinstance(table.value[key], str):
            return dict.fromkeys(self._dialects, table.text(key))
        if not isinstance(table.value[key], dict):
            raise table.problem(key, f"{key} must be a table of queries by dialect, or one query as a text")
        variants = table.table(key).only((), (*self._dialects, "any"))
        for dialect in self._dialects:
            if not variants.has(dialect) and not variants.has("any"):
                raise table.problem(key, f"{key} has no text for {dialect}; write {dialect} or any")
        return {dialect: variants.text(dialect if variants.has(dialect) else "any") for dialect in self._dialects}

    def _judged(self, table: Table, key: str, dialect: str, text: str) -> PureSelect:
        try:
            select = pure_select(text, dialect)
        except SqlError as problem:
            advice = "write one SELECT without side effects; docs/profiles.md lists what it may be made of"
            raise table.problem(key, f"the {dialect} query {problem}", advice) from problem
        for name, column in sorted(select.reads):
            self._relied_on(table, key, name, column)
        return select

    def _relied_on(self, table: Table, key: str, name: str, column: str) -> None:
        known = self._known.get(name.lower())
        if known is None:
            near = closest(name.lower(), self._known)
            advice = f'add {name} = ["{column or "id"}"] to [database.relies_on], or correct the name'
            raise table.problem(key, f"reads table {name}, which database.relies_on does not name{near}", advice)
        if column and column.lower() not in known:
            near = closest(column.lower(), known)
            advice = f'add "{column}" to {name} in [database.relies_on], or correct the name'
            what = f"reads column {name}.{column}, which database.relies_on does not name{near}"
            raise table.problem(key, what, advice)


def _query(selects: Mapping[str, PureSelect]) -> Query:
    columns = next(iter(selects.values())).columns
    return Query({dialect: select.sql for dialect, select in selects.items()}, columns)


def read_teeth(table: Table) -> TeethRules:
    """[teeth]."""
    table.only(("notation", "separator", "prefix"))
    if not table.text("separator"):
        raise table.problem("separator", "teeth.separator is empty")
    return TeethRules(table.word("notation", schema.TEETH_NOTATIONS), table.text("separator"), table.text("prefix"))


def read_orientation(table: Table, *, with_template: bool) -> OrientationRules:
    """[orientation]; a target also says how it writes the two values as one text."""
    table.only(("unit", "mirror", "order", *(("template",) if with_template else ())))
    template = table.text("template") if with_template else None
    if template is not None:
        check_placeholders(table, "template", ("rotation", "mirrored"), required=("rotation", "mirrored"))
    return OrientationRules(
        unit=table.word("unit", schema.ORIENTATION_UNITS),
        mirror=table.word("mirror", schema.MIRRORS),
        order=table.word("order", schema.ORIENTATION_ORDERS),
        template=template,
    )


def check_placeholders(table: Table, key: str, known: Collection[str], required: Collection[str]) -> None:
    """Raise unless the template at `key` uses {known} placeholders only, among them the required ones."""
    text = table.filled_text(key)
    used = _PLACEHOLDER.findall(text)
    for name in used:
        if name not in known:
            shown = tuple(f"{{{word}}}" for word in known)
            raise table.problem(
                key, f"unknown placeholder {{{name}}}{closest('{' + name + '}', shown)}; {allowed(shown)}"
            )
    if "{" in _PLACEHOLDER.sub("", text) or "}" in _PLACEHOLDER.sub("", text):
        raise table.problem(key, "a brace { or } stands alone")
    for name in required:
        if name not in used:
            raise table.problem(key, f"{{{name}}} is missing")


def check_path(table: Table, key: str) -> None:
    """Raise unless the template at `key` is a relative path below the store, with forward slashes."""
    text = _PLACEHOLDER.sub("x", table.text(key))
    if text.startswith("/") or "\\" in text or ":" in text or any(part in ("", ".", "..") for part in text.split("/")):
        raise table.problem(key, f"{table.text(key)!r} must be a relative path with forward slashes, without . and ..")
