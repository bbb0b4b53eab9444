"""Statements about databases, backups and logins, which look at no row: `carried_out` knows them by their words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulators.sqlserver.errors import Refused, not_modelled
from tests.simulators.sqlserver.kinds import Kind
from tests.simulators.sqlserver.outcomes import Counted, Outcome, Rows, Told
from tests.simulators.sqlserver.storage import backup
from tests.simulators.sqlserver.storage.store import EVERYTHING, Database, Login, Planned, Store
from tests.simulators.sqlserver.tsql.words import NAME, TEXT, bare, unquoted
from tests.simulators.sqlserver.wire.tokens import Column


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement is said, and by whom."""

    store: Store
    login: Login
    database: Database


def carried_out(on: Place, text: str) -> Iterator[Outcome] | None:
    """What the statement comes to; None if it is none of these. Raises Refused."""
    for pattern, act in _ACTS:
        if found := re.fullmatch(pattern, text.strip(), re.I | re.S):
            return act(on, *found.groups())
    return None


def _create_database(on: Place, name: str) -> Iterator[Outcome]:
    _require(on, "dbcreator", "CREATE DATABASE permission denied in database 'master'.")
    on.store.create(bare(name), on.login.name)
    yield Counted()


def _drop_database(on: Place, name: str) -> Iterator[Outcome]:
    found = on.store.named(bare(name))
    _own(on, found)
    on.store.drop(found)
    yield Counted()


def _own(on: Place, database: Database) -> None:
    if not (on.login.is_admin or database.owner.lower() == on.login.name.lower()):
        raise Refused(5011, f"User does not have permission to alter database '{database.name}'.", 14)


def _require(on: Place, role: str, text: str) -> None:
    if not (on.login.is_admin or role in on.login.server_roles):
        raise Refused(262, text, 14)


def _alter_database(on: Place, name: str, option: str, value: str | None, _: str | None) -> Iterator[Outcome]:
    found = on.store.named(bare(name))
    _own(on, found)
    match option.upper():
        case "READ_ONLY" | "READ_WRITE":
            found.is_read_only = option.upper() == "READ_ONLY"
        case "SINGLE_USER" | "MULTI_USER":
            found.is_single_user = option.upper() == "SINGLE_USER"
        case "ALLOW_SNAPSHOT_ISOLATION":
            found.allows_snapshot = (value or "").upper() == "ON"
        case other:
            raise not_modelled(f"ALTER DATABASE SET {other}")
    yield Counted()


def _backup(on: Place, name: str, path: str, _: str | None) -> Iterator[Outcome]:
    _own(on, found := on.store.named(bare(name)))
    backup.write(on.store, found, Path(unquoted(path)))
    yield Told(3211, "100 percent processed.")
    yield Counted()


def _header_only(on: Place, path: str) -> Iterator[Outcome]:
    header, _ = backup.read(Path(unquoted(path)))
    text, number = Kind("nvarchar", 128), Kind("bigint")
    row = {
        "BackupName": (text, None), "BackupType": (Kind("tinyint"), header.kind), "Position": (Kind("smallint"), 1),
        "ServerName": (text, header.server), "DatabaseName": (text, header.database),
        "BackupSize": (Kind("decimal", precision=20), header.size),
        "SoftwareVersionMajor": (Kind("int"), int(header.version.split(".")[0])),
        "IsDamaged": (Kind("bit"), header.is_damaged), "CompressedBackupSize": (number, header.size),
    }  # fmt: skip
    yield Rows([Column(name, kind) for name, (kind, _) in row.items()], [[value for _, value in row.values()]])


def _file_list(on: Place, path: str, _: str | None) -> Iterator[Outcome]:
    header, _content = backup.read(Path(unquoted(path)))
    columns = [Column("LogicalName", Kind("nvarchar", 128)), Column("PhysicalName", Kind("nvarchar", 260))]
    columns.append(Column("Type", Kind("char", 1)))
    yield Rows(columns, [(logical, place, kind) for logical, kind, place in header.files])


def _restore(on: Place, name: str, path: str, options: str | None) -> Iterator[Outcome]:
    _require(on, "dbcreator", "CREATE DATABASE permission denied in database 'master'.")
    moves = re.findall(rf"MOVE\s+{TEXT}\s+TO\s+{TEXT}", options or "", re.I)
    files = {unquoted(logical): unquoted(place) for logical, place in moves}
    heard: list[int] = []
    backup.restore(on.store, Path(unquoted(path)), bare(name), on.login.name, files, heard.append)
    yield from (Told(3211, f"{percent} percent processed.") for percent in heard)
    yield Told(3014, "RESTORE DATABASE successfully processed pages.")
    yield Counted()


def _refuse_later(on: Place, pattern: str, number: str, times: str) -> Iterator[Outcome]:
    refused = Refused(
        int(number), "Refused as a test asked for.", 13 if number == "1205" else 16, ends=number in ("1205", "3960")
    )
    on.store.planned.append(Planned(unquoted(pattern), refused, int(times)))
    yield Counted()


def _create_login(on: Place, name: str, password: str) -> Iterator[Outcome]:
    _require(on, "sysadmin", "CREATE LOGIN permission denied.")
    on.store.logins[bare(name).lower()] = Login(bare(name), unquoted(password))
    yield Counted()


def _server_role(on: Place, role: str, name: str) -> Iterator[Outcome]:
    on.store.logins[bare(name).lower()].server_roles.add(bare(role).lower())
    yield Counted()


def _create_user(on: Place, name: str) -> Iterator[Outcome]:
    on.database.rights.setdefault(bare(name).lower(), set())
    yield Counted()


def _role(on: Place, role: str, name: str) -> Iterator[Outcome]:
    on.database.join(bare(name), bare(role))
    yield Counted()


def _grant(on: Place, rights: str, name: str) -> Iterator[Outcome]:
    wanted = {right.strip().upper() for right in rights.split(",")} & EVERYTHING
    on.database.rights.setdefault(bare(name).lower(), set()).update(wanted)
    yield Counted()


_ACTS: Final = (
    (rf"CREATE\s+DATABASE\s+({NAME})", _create_database),
    (rf"DROP\s+DATABASE\s+({NAME})", _drop_database),
    (rf"ALTER\s+DATABASE\s+({NAME})\s+SET\s+(\w+)(?:\s+(ON|OFF))?(?:\s+(WITH\s+.*))?", _alter_database),
    (rf"BACKUP\s+DATABASE\s+({NAME})\s+TO\s+DISK\s*=\s*{TEXT}(\s+WITH.*)?", _backup),
    (rf"RESTORE\s+HEADERONLY\s+FROM\s+DISK\s*=\s*{TEXT}", _header_only),
    (rf"RESTORE\s+FILELISTONLY\s+FROM\s+DISK\s*=\s*{TEXT}(\s+WITH.*)?", _file_list),
    (rf"RESTORE\s+DATABASE\s+({NAME})\s+FROM\s+DISK\s*=\s*{TEXT}(\s+WITH.*)?", _restore),
    (rf"EXEC\s+standin_refuse\s+{TEXT},\s*(\d+),\s*(\d+)", _refuse_later),
    (rf"CREATE\s+LOGIN\s+({NAME})\s+WITH\s+PASSWORD\s*=\s*{TEXT}", _create_login),
    (rf"ALTER\s+SERVER\s+ROLE\s+({NAME})\s+ADD\s+MEMBER\s+({NAME})", _server_role),
    (rf"CREATE\s+USER\s+({NAME})\s+FOR\s+LOGIN\s+{NAME}", _create_user),
    (rf"ALTER\s+ROLE\s+({NAME})\s+ADD\s+MEMBER\s+({NAME})", _role),
    (rf"GRANT\s+(.+?)\s+ON\s+SCHEMA::\s*dbo\s+TO\s+({NAME})", _grant),
)
