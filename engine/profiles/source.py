"""A source profile out of its TOML document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from engine.profiles import schema
from engine.profiles.common import (
    QueryReader,
    check_path,
    read_database,
    read_head,
    read_orientation,
    read_teeth,
)
from engine.profiles.resolve import Part, PathError, parts_of
from engine.profiles.schema import Entity, Query, SourceAudit, SourceFiles, SourceProfile
from engine.profiles.values import ValueRules, read_values
from engine.toml.document import Document, Table
from engine.toml.suggest import allowed, closest
from protocol.vocabulary import SkipReason

_FILE: Final = "file"


def read_source(document: Document) -> SourceProfile:
    """The source profile that `document` describes. Raises UsageProblem with file and line."""
    root = document.table()
    sections = ("profile", "database", "entities", "codes", "teeth", "orientation", "files", "audit")
    head = read_head(document, "source")
    root.only(sections, ("values",))
    database = read_database(root.table("database"))
    queries = QueryReader(database.dialects, database.relies_on)
    entities = _entities(root.table("entities"), queries)
    return SourceProfile(
        profile=head,
        database=database,
        entities=entities,
        codes=_codes(root.table("codes")),
        teeth=read_teeth(root.table("teeth")),
        orientation=read_orientation(root.table("orientation"), with_template=False),
        files=_files(root.table("files"), entities["image"].query),
        audit=_audit(root.table("audit"), queries, root.table("files").text("resolve")),
        digest=hashlib.sha256(document.content).hexdigest(),
        values=read_values(root.table("values")) if root.has("values") else ValueRules(),
    )


def _entities(table: Table, queries: QueryReader) -> Mapping[str, Entity]:
    table.only(schema.ENTITIES)
    return {name: _entity(table.table(name).only(("query",)), name, queries) for name in schema.ENTITIES}


def _entity(table: Table, name: str, queries: QueryReader) -> Entity:
    required = schema.ENTITY_COLUMNS[name] - {_FILE}
    return Entity(queries.columns(table, "query", required, schema.ENTITY_ORDER[name]))


def _codes(table: Table) -> Mapping[str, Mapping[str, str]]:
    table.only(schema.CODE_LISTS)
    return {name: _code_list(table.table(name), words) for name, words in schema.CODE_LISTS.items()}


def _code_list(table: Table, words: tuple[str, ...]) -> Mapping[str, str]:
    """The source's own codes; several may mean one word, a word without a code is one this system does not have."""
    if not table.value:
        raise table.document.problem(table.path, "no code is mapped")
    return {code: table.word(code, words) for code in table.value}


def _files(table: Table, image_query: Query) -> SourceFiles:
    table.only(("resolve", "formats"))
    _check_resolve(table, image_query.columns)
    return SourceFiles(table.text("resolve"), table.words("formats", schema.SOURCE_FORMATS))


def _check_resolve(table: Table, columns: tuple[str, ...]) -> None:
    """A path below the store, made of the image query's columns; `file` is among them where the query selects it."""
    used = _columns_of(table)
    for column in used:
        if column not in columns:
            shown = tuple(f"{{{name}}}" for name in columns)
            near = closest(f"{{{column}}}", shown)
            raise table.problem("resolve", f"unknown placeholder {{{column}}}{near}; {allowed(shown)}")
    if _FILE in columns and _FILE not in used:
        raise table.problem("resolve", f"{{{_FILE}}} is missing, and the image query selects it")
    if not used:
        raise table.problem("resolve", "names no column, so all images would share one path")
    check_path(table, "resolve")


def _columns_of(table: Table) -> tuple[str, ...]:
    try:
        return tuple(part.column for part in parts_of(table.filled_text("resolve")) if isinstance(part, Part))
    except PathError as problem:
        raise table.problem("resolve", str(problem)) from problem


def _audit(table: Table, queries: QueryReader, resolve: str) -> SourceAudit:
    table.only(("patients", "images", "annotations", "newest", "files", "excluded"))
    excluded = table.table("excluded").only((), ("patients", "images"))
    return SourceAudit(
        patients=queries.single(table, "patients"),
        images=queries.single(table, "images"),
        annotations=queries.single(table, "annotations"),
        newest=queries.single(table, "newest"),
        files=_every_file(table, queries, resolve),
        excluded={name: _excluded(reasons, queries) for name, reasons in excluded.named_tables()},
    )


def _every_file(table: Table, queries: QueryReader, resolve: str) -> Query:
    query = queries.read(table, "files")
    for part in parts_of(resolve):
        if isinstance(part, Part) and part.column not in query.columns:
            near = closest(part.column, query.columns)
            what = f"the query selects no column named {part.column}{near}, which files.resolve needs"
            raise table.problem("files", what)
    return query


def _excluded(table: Table, queries: QueryReader) -> Mapping[SkipReason, Query]:
    words = tuple(reason.value for reason in SkipReason)
    for key in table.value:
        if key not in words:
            raise table.problem(key, f"unknown reason {key}{closest(key, words)}; {allowed(words)}")
    return {SkipReason(key): queries.single(table, key) for key in table.value}
