"""The stand-in's databases and logins, and the PostgreSQL that keeps them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.simulators.sqlserver.errors import Refused
from tests.simulators.sqlserver.kinds import SYSTEM_TYPES
from tests.simulators.sqlserver.storage.catalogue import Catalogue

SERVER: Final = "STAND-IN"
PASSWORD: Final = "Swordfish!1"  # of sa
VERSION: Final = "15.0.2000.5"
_TEMPLATE: Final = "standin_template"
_SEARCHED: Final = "tsql,dbo,pg_catalog"
EVERYTHING: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "CREATE"})
_ROLES: Final = {
    "db_datareader": frozenset({"SELECT"}),
    "db_datawriter": frozenset({"INSERT", "UPDATE", "DELETE"}),
    "db_ddladmin": frozenset({"ALTER", "CREATE"}),
    "db_owner": EVERYTHING,
}


@dataclass
class Login:
    name: str
    password: str
    server_roles: set[str] = field(default_factory=set)

    @property
    def is_admin(self) -> bool:
        return "sysadmin" in self.server_roles


@dataclass
class Database:
    """`rights` of each user, by login in lower case; the owner has all."""

    name: str
    number: int
    kept_in: str  # PostgreSQL's name for it
    owner: str
    state: str = "ONLINE"
    is_read_only: bool = False
    is_single_user: bool = False
    allows_snapshot: bool = False
    files: list[tuple[str, str, str]] = field(default_factory=list)  # logical name, type, path
    rights: dict[str, set[str]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)

    def may(self, login: Login, right: str) -> bool:
        everything = login.is_admin or self.owner.lower() == login.name.lower()
        return everything or right in self.rights.get(login.name.lower(), set())

    def admits(self, login: Login) -> bool:
        known = login.name.lower() in self.rights or self.owner.lower() == login.name.lower()
        return known or login.is_admin or self.name == "master"

    def join(self, user: str, role: str) -> None:
        self.rights.setdefault(user.lower(), set()).update(_ROLES[role.lower()])


@dataclass(frozen=True, slots=True)
class Planned:
    """A refusal asked for by a test: said that often to statements in which the pattern is found."""

    pattern: str
    refused: Refused
    times: int


class Store:
    """Made once for a server."""

    def __init__(self, postgresql: str, folder: Path) -> None:
        self._postgresql, self.folder = postgresql, folder
        self._numbers, self.lock = itertools.count(1), threading.RLock()
        self.databases: dict[str, Database] = {}
        self.logins = {"sa": Login("sa", PASSWORD, {"sysadmin"})}
        self.planned: list[Planned] = []
        self._control(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_TEMPLATE)))
        self._control(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        with self.connected(_TEMPLATE) as connection:
            connection.execute((Path(__file__).parent / "catalogue.sql").read_bytes())
            connection.cursor().executemany(
                "INSERT INTO sys.types VALUES (%s, %s, %s)", [(name, code, code) for name, code in SYSTEM_TYPES.items()]
            )
        for name in ("master", "tempdb", "model", "msdb"):
            self.create(name, "sa")

    def create(self, name: str, owner: str) -> Database:
        """An empty database. Raises Refused."""
        with self.lock:
            if name.lower() in self.databases:
                raise Refused(1801, f"Database '{name}' already exists. Choose a different database name.")
            number = next(self._numbers)
            made = Database(name, number, f"standin_{number}", owner, files=self.default_files(name))
            self._control(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(made.kept_in)))
            self._control(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (made.kept_in, _TEMPLATE)))
            )
            self.databases[name.lower()] = made
            return made

    def default_files(self, name: str) -> list[tuple[str, str, str]]:
        return [(name, "D", f"{self.folder}/{name}.mdf"), (f"{name}_log", "L", f"{self.folder}/{name}_log.ldf")]

    def drop(self, database: Database) -> None:
        self._control(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.kept_in)))
        del self.databases[database.name.lower()]

    def named(self, name: str) -> Database:
        """Raises Refused."""
        found = self.databases.get(name.lower())
        if found is None:
            raise Refused(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
        return found

    def numbered(self, number: int) -> Database | None:
        return next((each for each in self.databases.values() if each.number == number), None)

    def address(self, kept_in: str) -> str:
        return make_conninfo(self._postgresql, dbname=kept_in)

    def connected(self, kept_in: str) -> psycopg.Connection:
        """A connection in autocommit that compares and finds names as T-SQL does."""
        options = f"-c search_path={_SEARCHED} -c deadlock_timeout=200ms -c datestyle=ISO -c timezone=UTC"
        return psycopg.connect(self.address(kept_in), autocommit=True, options=options, prepare_threshold=None)

    def planned_for(self, text: str, matches: Callable[[str, str], bool]) -> Refused | None:
        with self.lock:
            for index, each in enumerate(self.planned):
                if matches(each.pattern, text):
                    left = [] if each.times == 1 else [Planned(each.pattern, each.refused, each.times - 1)]
                    self.planned[index : index + 1] = left
                    return each.refused
        return None

    def all_databases(self) -> Iterator[Database]:
        yield from list(self.databases.values())

    def _control(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._postgresql, autocommit=True) as connection:
            connection.execute(statement)
