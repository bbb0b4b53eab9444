"""Quillmark Imaging 4, an invented system: everything as rows of (id, tag, value), files at paths made of a UUID.

Its profile and a database of it are in docs/examples; here the same database is written with the files that belong to
it, as SQLite or PostgreSQL, with a job that carries it to DEXIS 10.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from demo.dexis10 import write_empty_database, write_empty_store
from engine.job import new_run_file
from tests.engine.phases.samples import GenuineSamples
from tests.engine.tiny import RUN, Tiny, dicom, photo
from tests.simulators.postgresql import dump, libpq

EXAMPLES: Final = Path(__file__).parents[3] / "docs" / "examples"
PROFILE: Final = EXAMPLES / "quillmark4.toml"
SQL: Final = (EXAMPLES / "quillmark4.sql").read_text(encoding="utf-8")

FILES: Final = {
    "e4/f0/e4f01b070001400080000000000000" + "0a": dicom(1),
    "e4/f0/e4f01b070002400080000000000000" + "0b": dicom(2, width=200),
    "1c/77/1c77aa300003400080000000000000" + "0c": photo(3, "JPEG"),
    "1c/78/1c78aa300004400080000000000000" + "0d": dicom(4, photometric="MONOCHROME1"),
    "9e/00/9e00ff120005400080000000000000" + "0e": photo(5, "PNG"),
    "9e/00/9e00ff120006400080000000000000" + "0f": dicom(6),  # of the deleted shot
}

_JOB: Final = """\
[source]
profile  = "quillmark4.toml"
snapshot = {{ kind = "{kind}", path = "../backup" }}
staging  = "{staging}"
store    = ["../store"]

[target]
profile  = "dexis10"
database = "sqlite:///../target.sqlite"
store    = "../target"

[samples]
database = "{samples}"
store    = "{samples_store}"

[run]
workers = 1
"""


def write_on_sqlite(folder: Path, sql: str = SQL) -> Tiny:
    """The practice below `folder`, its backup a SQLite file."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(folder / "backup")) as connection:
        connection.executescript(sql)
    return _write(folder, "sqlite-file", "sqlite:///../staging.sqlite")


def write_on_postgresql(folder: Path, new_database: Callable[[], str], sql: str = SQL) -> Tiny:
    """The practice below `folder`, its backup a dump of a PostgreSQL database."""
    folder.mkdir(parents=True, exist_ok=True)
    url = new_database()
    with psycopg.connect(libpq(url)) as connection:
        connection.execute(sql.encode())
    dump(url, folder / "backup", "custom")
    return _write(folder, "postgresql-dump", new_database())


def _write(folder: Path, kind: str, staging: str) -> Tiny:
    tiny = Tiny(folder / "job")
    tiny.folder.mkdir()
    samples = GenuineSamples().write(folder / "genuine")
    text = _JOB.format(kind=kind, staging=staging, samples=samples.database, samples_store=samples.store)
    (tiny.folder / "job.toml").write_text(text, encoding="utf-8")
    (tiny.folder / "quillmark4.toml").write_bytes(PROFILE.read_bytes())
    (tiny.folder / "run.json").write_bytes(new_run_file(RUN, b"k" * 32, 1_800_000_000))
    write_empty_database(tiny.target)
    write_empty_store(folder / "target")
    for path, content in FILES.items():
        place = folder / "store" / "objects" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return tiny
