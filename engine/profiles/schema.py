"""What a profile may say, as frozen values. Attribute names are the names of the TOML file.

This module knows no vendor, no clinical record and no imaging, so that the reconciler may use it too. The words it
shares with `engine.model` and `engine.orientation` are written again here; a test holds the two lists together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.profiles.expressions import Expression
from engine.profiles.limits import TextLimit, TimeLimit
from engine.profiles.native_rules import IntegrityRule, NativeRules
from engine.profiles.values import ValueRules
from protocol.vocabulary import SkipReason

COLUMN_KINDS: Final = ("text", "integer", "number", "day", "moment", "time", "truth", "bytes", "uuid")
DIALECTS: Final = ("postgresql", "mssql", "sqlite")
BASES: Final = ("modelled",)
ENTITIES: Final = ("patient", "study", "series", "device", "image", "annotation")
KEYED_ENTITIES: Final = ("patient", "study", "series", "image")
CODE_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": ("intraoral-xray", "panoramic", "cephalogram", "intraoral-photo", "extraoral-photo"),
    "sex": ("female", "male", "other"),
}
TEETH_NOTATIONS: Final = ("fdi", "fdi3", "ada", "palmer")
ORIENTATION_UNITS: Final = (
    "degrees-clockwise",
    "degrees-counterclockwise",
    "quarter-turns-clockwise",
    "quarter-turns-counterclockwise",
)
MIRRORS: Final = ("horizontal", "vertical")
ORIENTATION_ORDERS: Final = ("rotate-then-mirror", "mirror-then-rotate")
SOURCE_FORMATS: Final = ("dicom", "jpeg", "png", "tiff", "jpeg2000", "bmp")
FILE_CASES: Final = ("xray", "photo-jpeg", "photo")

# Output columns each query must have. An image may do without `file` where its path is made of other columns.
ENTITY_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "patient": frozenset({"key", "family_name", "given_name", "middle_name", "sex", "birth_date", "chart_number"}),
    "study": frozenset({"key", "patient_key", "uid", "name", "started_at"}),
    "series": frozenset({"key", "study_key", "patient_key", "uid", "name"}),
    "device": frozenset({"key", "manufacturer", "model", "serial_number"}),
    "image": frozenset(
        {"key", "series_key", "patient_key", "uid", "file", "acquired_at", "category", "rotation", "mirrored", "teeth"}
        | {"device_key", "number"}
    ),
    "annotation": frozenset({"key", "image_key", "kind", "geometry"}),
}
# The column by which an entity's rows must come, so that patients can be read in one pass.
ENTITY_ORDER: Final[Mapping[str, str]] = {
    "patient": "key",
    "study": "patient_key",
    "series": "patient_key",
    "device": "key",
    "image": "patient_key",
    "annotation": "key",
}
LOOK_UP_COLUMNS: Final = frozenset(
    {"chart_number", "family_name", "given_name", "middle_name", "birth_date", "sex", "patient_key", "study_key"}
    | {"study_name", "started_at", "series_key", "series_name", "image_key", "category", "settings", "teeth", "uid"}
    | {"number", "integrity", "acquired_at", "manufacturer", "model", "serial_number"}
)


@dataclass(frozen=True, slots=True)
class ProfileHead:
    """[profile]: which system this is about, and on what the description is based."""

    id: str
    role: str
    system: str
    versions: tuple[str, ...]
    basis: str


@dataclass(frozen=True, slots=True)
class Query:
    """One question as SQL, checked to be a single SELECT, ready to run in each dialect the profile names."""

    sql: Mapping[str, str]
    columns: tuple[str, ...]

    def for_dialect(self, dialect: str) -> str:
        """The statement to run on a database of `dialect` (postgresql, mssql, sqlite)."""
        return self.sql[dialect]


@dataclass(frozen=True, slots=True)
class DatabaseRules:
    """[database]: dialects spoken, the version question (one row, one column), tables and columns needed.

    `kinds` has the kind of those columns for which the profile states one: table -> column -> one of COLUMN_KINDS.
    """

    dialects: tuple[str, ...]
    version: Query
    relies_on: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entity:
    """[entities.X]: the query whose output columns are the model's fields."""

    query: Query


@dataclass(frozen=True, slots=True)
class TeethRules:
    """[teeth]: notation, what stands between two teeth, what stands before the first."""

    notation: str
    separator: str
    prefix: str


@dataclass(frozen=True, slots=True)
class OrientationRules:
    """[orientation]: unit of a rotation number, axis of the mirror, which comes first; `template`: a target's text."""

    unit: str
    mirror: str
    order: str
    template: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """[files] of a source: a path template (engine.profiles.resolve) over the image query's columns, and formats."""

    resolve: str
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """[audit] of a source: everything there is, and every declared exclusion by reason.

    `files` names every file that any row speaks of, converted or not, by the columns of [files].resolve.
    """

    patients: Query
    images: Query
    annotations: Query
    newest: Query
    files: Query
    excluded: Mapping[str, Mapping[SkipReason, Query]]


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """A system as a source. `digest` is the SHA-256 of the file, as 64 hex digits."""

    profile: ProfileHead
    database: DatabaseRules
    entities: Mapping[str, Entity]
    codes: Mapping[str, Mapping[str, str]]
    teeth: TeethRules
    orientation: OrientationRules
    files: SourceFiles
    audit: SourceAudit
    digest: str
    values: ValueRules = field(default_factory=ValueRules)

    @property
    def id(self) -> str:
        return self.profile.id


@dataclass(frozen=True, slots=True)
class KeyRule:
    """[keys]: where an entity's integer keys stand; planned from the largest one in use."""

    table: str
    column: str
    allocation: str


@dataclass(frozen=True, slots=True)
class InsertRule:
    """[[insert]]: one row of `table` for each `entity`; a value for each column as an expression over the model."""

    entity: str
    table: str
    columns: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class FileRule:
    """[[files]] of a target: which images become which type of file, and where it stands below the store."""

    when: str
    type: str
    path: str
    integrity: IntegrityRule


@dataclass(frozen=True, slots=True)
class TargetAudit:
    """[audit] of a target: counts, the look-up path a viewer takes, and the key of every row, table by table."""

    patients: Query
    images: Query
    look_up: Query
    rows: Mapping[str, Query]


@dataclass(frozen=True, slots=True)
class TargetProfile:
    """A system as a target. `digest` is the SHA-256 of the file, as 64 hex digits."""

    profile: ProfileHead
    database: DatabaseRules
    keys: Mapping[str, KeyRule]
    insert: tuple[InsertRule, ...]
    codes: Mapping[str, Mapping[str, int | str]]
    text: Mapping[str, TextLimit]
    time: Mapping[str, TimeLimit]
    teeth: TeethRules
    orientation: OrientationRules
    files: tuple[FileRule, ...]
    native: NativeRules
    audit: TargetAudit
    digest: str

    @property
    def id(self) -> str:
        return self.profile.id
