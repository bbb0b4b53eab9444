"""The target before the first write: what it lacks, what it already holds, and a fingerprint to compare with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.profiles.schema import TargetProfile
from engine.target.database import TableMark, TargetDatabase
from engine.target.files import TargetStore
from engine.target.notice import Notice
from protocol.vocabulary import FindingCode


@dataclass(frozen=True, slots=True)
class TargetMark:
    """Content of the target: a mark per table, and one for the names, sizes and times of the store's files."""

    tables: tuple[tuple[str, TableMark], ...]
    files: TableMark

    def equal_parts(self, other: TargetMark) -> int:
        """How many of the tables and the store are equal."""
        mine, theirs = dict(self.tables), dict(other.tables)
        return sum(mine[name] == theirs.get(name) for name in mine) + (self.files == other.files)

    @property
    def parts(self) -> int:
        return len(self.tables) + 1


@dataclass(frozen=True, slots=True)
class Ours:
    """What this run itself put there: the largest key per entity that it ever planned, and how many files."""

    keys: Mapping[str, int] = field(default_factory=dict)
    files: int = 0


def mark(database: TargetDatabase, store: TargetStore) -> TargetMark:
    """The target's content now."""
    return TargetMark(tuple(database.fingerprint().items()), _files(store, database.file))


def notices(
    database: TargetDatabase, profile: TargetProfile, found: TargetMark, ours: Ours = Ours()
) -> Iterator[Notice]:
    """What a person should know of the target before anything is written; not what this run itself put there."""
    drift = database.drift()
    for place in drift:
        yield Notice(FindingCode.SCHEMA_DRIFT, place=place, detail="the profile relies on it and it is not there")
    for place, sentence in (*database.exaggerated(), *database.unfit()):
        yield Notice(FindingCode.SCHEMA_DRIFT, place=place, detail=sentence)
    if not drift:
        yield from _content_notices(database, profile, found, ours)


def _content_notices(
    database: TargetDatabase, profile: TargetProfile, found: TargetMark, ours: Ours
) -> Iterator[Notice]:
    version = database.version()
    if not _supported(version, profile.profile.versions):
        detail = f"the target is version {version}; the profile names {', '.join(profile.profile.versions)}"
        yield Notice(FindingCode.VERSION_UNSUPPORTED, detail=detail)
    baseline = {entity: key for entity, key in database.baseline().items() if key > ours.keys.get(entity, 0)}
    if baseline or found.files.rows > ours.files:
        detail = f"largest keys in use {baseline}, {found.files.rows - ours.files} files; left alone"
        yield Notice(FindingCode.TARGET_NOT_EMPTY, detail=detail)


def _supported(version: str | None, versions: tuple[str, ...]) -> bool:
    """A named version covers its own minor releases: 10.1 covers 10.1.3."""
    return version is not None and any(version == named or version.startswith(f"{named}.") for named in versions)


def _files(store: TargetStore, database_file: Path | None) -> TableMark:
    """All files of the store but the database's own, whose content the tables' marks speak of."""
    digest, count, left_out = hashlib.sha256(), 0, _below(store.root, database_file)
    for path, size, modified in store.walk():
        if path == left_out:
            continue
        digest.update(f"{path}\n{size} {modified}\n".encode("utf-8", "surrogateescape"))
        count += 1
    return TableMark(count, digest.hexdigest())


def _below(root: Path, file: Path | None) -> str | None:
    """The file's path below the store, if it lies there."""
    inside = file is not None and file.is_relative_to(root.resolve())
    return file.relative_to(root.resolve()).as_posix() if file is not None and inside else None
