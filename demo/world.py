"""Builds the practice in a box, once. An interrupted build starts again; a finished one is found and returned."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.blueprint import Blueprint
from demo.databases import Databases, PostgresqlDatabases, SqliteDatabases
from demo.dexis10 import write_empty_database, write_empty_store
from demo.dexis11 import write_database, write_store
from demo.draw import draw
from demo.second_day import another_day, has_been, live_through
from demo.vendor.samples import write_samples
from protocol.errors import UsageProblem

if TYPE_CHECKING:
    from demo.server import Server

DEFAULT_PATIENTS, DEFAULT_SEED, DEFAULT_DATABASE = 60, 20_250_704, "sqlite"
LOCK = "demo.lock"  # a demo that runs in the folder holds it
_RECORD, _SERVER = "demo.json", "postgresql"

_JOB = """\
# The demo practice, made from seed {seed} with {patients} patients. Every value in it is synthetic.
[source]
profile    = "dexis11"
snapshot   = {{ kind = "{kind}", path = {snapshot} }}
staging    = {staging}
production = {production}
store      = [{source_store}]

[target]
profile    = "dexis10"
database   = {target}
store      = {target_store}

[samples]
database   = {samples}
store      = {samples_store}

[run]
workers    = 0
retries    = 3
"""


@dataclass(frozen=True, slots=True)
class World:
    """A practice that stands ready: `folder` holds job.toml, people.json and practice/."""

    folder: Path
    patients: int
    seed: int
    database: str
    images: int

    @property
    def job_toml(self) -> Path:
        return self.folder / "job.toml"

    @property
    def people_json(self) -> Path:
        return self.folder / "people.json"


def build(
    folder: Path, *, patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED, database: str = DEFAULT_DATABASE
) -> World:
    """Make the practice in `folder`, or find the one made there before.

    With `database` "postgresql" a server of its own runs from `folder`/postgresql afterwards; see `demo.server`.
    Raises UsageProblem if `folder` holds a practice made from other values.
    """
    folder = folder.resolve()
    blueprint = draw(patients, seed=seed)
    world = World(folder, patients, seed, database, len(blueprint.images))
    _refuse_another(world)
    if not world.job_toml.exists():
        _build(world, blueprint)
    elif database == "postgresql":
        _server(folder)
    return world


def recorded(folder: Path) -> dict[str, Any]:
    """What the practice in `folder` was made from: patients, seed and database; nothing if none was begun there.

    Raises UsageProblem if the record is damaged.
    """
    record = folder / _RECORD
    try:
        return dict(json.loads(record.read_text())) if record.exists() else {}
    except (OSError, ValueError) as problem:
        advice = "name an empty folder, or one that is not there yet"
        raise UsageProblem("damaged, or not written by the demo", where=str(record), next_step=advice) from problem


def live_another_day(world: World) -> None:
    """DEXIS 11 is used for a second day, and its new backup takes the place of the old one; done once."""
    if not has_been(world.folder):
        blueprint = draw(world.patients, seed=world.seed)
        live_through(world.folder, _databases_of(world), blueprint, world.seed)
        known = set(json.loads(world.people_json.read_text(encoding="utf-8")))
        known |= another_day(blueprint, world.seed).identifiers()
        _write_whole(world.people_json, json.dumps(sorted(known), ensure_ascii=False, indent=0))


def release(folder: Path) -> None:
    """Stop the database server of the practice in `folder`, if it has one that runs."""
    if (folder / _SERVER / "postmaster.pid").exists():
        _server(folder).stop()


def _refuse_another(world: World) -> None:
    asked, found = _values(world), recorded(world.folder)
    if found and asked != found:
        raise UsageProblem(
            f"this folder holds a demo practice made with {found}, and {asked} was asked for",
            where=str(world.folder),
            next_step="repeat the options of the first start, or name another folder",
        )
    if not found and _is_in_use(world.folder):
        raise UsageProblem(
            "this folder holds something else, and the demo would mix with it",
            where=str(world.folder),
            next_step="name an empty folder, or one that is not there yet",
        )


def _is_in_use(folder: Path) -> bool:
    return folder.exists() and any(entry.name != LOCK for entry in folder.iterdir())


def _values(world: World) -> dict[str, object]:
    return {"patients": world.patients, "seed": world.seed, "database": world.database}


def _build(world: World, blueprint: Blueprint) -> None:
    """practice/ appears whole, then people.json, and job.toml last: it says that the practice is there."""
    world.folder.mkdir(parents=True, exist_ok=True)
    _write_whole(world.folder / _RECORD, json.dumps(_values(world)))
    building, practice = world.folder / "practice.building", world.folder / "practice"
    for leftover in (building, practice):
        shutil.rmtree(leftover, ignore_errors=True)
    databases = _databases(world)
    identifiers = _write_practice(building, databases, blueprint, world.seed)
    building.rename(practice)
    _write_whole(world.people_json, json.dumps(sorted(identifiers), ensure_ascii=False, indent=0))
    _write_whole(world.job_toml, _job_text(world, practice, databases))


def _databases(world: World) -> Databases:
    """The databases of `world`, empty. A server is started if it does not run yet."""
    if world.database == "sqlite":
        return SqliteDatabases()
    server = _server(world.folder)
    server.create_databases()
    return PostgresqlDatabases(server)


def _databases_of(world: World) -> Databases:
    """The databases of a practice that stands ready."""
    return SqliteDatabases() if world.database == "sqlite" else PostgresqlDatabases(_server(world.folder))


def _server(folder: Path) -> Server:
    from demo.server import Server  # noqa: PLC0415 - loads the embedded server only where it is used

    return Server(folder / _SERVER)


def _write_practice(practice: Path, databases: Databases, blueprint: Blueprint, seed: int) -> set[str]:
    """Everything below practice/; returns every identifying value planted."""
    for name in ("dexis11/data", "backup", "dexis10", "samples"):
        (practice / name).mkdir(parents=True)
    urls = databases.urls(practice)
    write_database(blueprint, urls.production)
    write_store(blueprint, practice / "dexis11" / "data")
    databases.back_up(practice)
    write_empty_database(urls.target)
    write_empty_store(practice / "dexis10")
    return blueprint.identifiers() | write_samples(urls.samples, practice / "samples", seed)


def _job_text(world: World, practice: Path, databases: Databases) -> str:
    urls = databases.urls(practice)
    places = {
        "snapshot": databases.snapshot_path(practice),
        "source_store": practice / "dexis11" / "data",
        "target_store": practice / "dexis10",
        "samples_store": practice / "samples",
    }
    connections = {
        "staging": urls.staging,
        "production": urls.production,
        "target": urls.target,
        "samples": urls.samples,
    }
    quoted = {name: json.dumps(str(value)) for name, value in (places | connections).items()}
    return _JOB.format(seed=world.seed, patients=world.patients, kind=databases.snapshot_kind, **quoted)


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the whole text or no file."""
    draft = path.with_suffix(path.suffix + ".draft")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(path)
