"""A source profile out of its TOML document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from string import Formatter

from engine.profiles import schema
from engine.profiles.common import (
    QueryReader,
    check_path,
    check_placeholders,
    read_database,
    read_head,
    read_orientation,
    read_teeth,
)
from engine.profiles.schema import Entity, Query, SourceAudit, SourceFiles, SourceProfile
from engine.toml.document import Document, Table
from engine.toml.suggest import allowed, closest
from protocol.vocabulary import SkipReason


def read_source(document: Document) -> SourceProfile:
    """The source profile that `document` describes. Raises UsageProblem with file and line."""
    root = document.table()
    sections = ("profile", "database", "entities", "codes", "teeth", "orientation", "files", "audit")
    head = read_head(document, "source")
    root.only(sections)
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
    )


def _entities(table: Table, queries: QueryReader) -> Mapping[str, Entity]:
    table.only(schema.ENTITIES)
    return {name: _entity(table.table(name).only(("query",)), name, queries) for name in schema.ENTITIES}


def _entity(table: Table, name: str, queries: QueryReader) -> Entity:
    return Entity(queries.columns(table, "query", schema.ENTITY_COLUMNS[name], schema.ENTITY_ORDER[name]))


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
    check_placeholders(table, "resolve", image_query.columns, required=("file",))
    check_path(table, "resolve")
    return SourceFiles(table.text("resolve"), table.words("formats", schema.SOURCE_FORMATS))


def _audit(table: Table, queries: QueryReader, resolve: str) -> SourceAudit:
    table.only(("patients", "images", "annotations", "newest", "files", "excluded"))
    excluded = table.table("excluded").only(("patients", "images"))
    return SourceAudit(
        patients=queries.single(table, "patients"),
        images=queries.single(table, "images"),
        annotations=queries.single(table, "annotations"),
        newest=queries.single(table, "newest"),
        files=_every_file(table, queries, resolve),
        excluded={name: _excluded(excluded.table(name), queries) for name in ("patients", "images")},
    )


def _every_file(table: Table, queries: QueryReader, resolve: str) -> Query:
    query = queries.read(table, "files")
    for _, column, _, _ in Formatter().parse(resolve):
        if column and column not in query.columns:
            near = closest(column, query.columns)
            raise table.problem("files", f"the query selects no column named {column}{near}, which files.resolve needs")
    return query


def _excluded(table: Table, queries: QueryReader) -> Mapping[SkipReason, Query]:
    words = tuple(reason.value for reason in SkipReason)
    for key in table.value:
        if key not in words:
            raise table.problem(key, f"unknown reason {key}{closest(key, words)}; {allowed(words)}")
    return {SkipReason(key): queries.single(table, key) for key in table.value}
