"""One session: runs statements on the store, and keeps what SQL Server keeps of a session."""

# ruff: noqa: PLR0911, PLR0912, E501 - a fact or a statement a line
from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from sqlglot import exp

from tests.simulators.sqlserver.errors import Refused, explained, not_modelled
from tests.simulators.sqlserver.kinds import MAX, Kind
from tests.simulators.sqlserver.outcomes import Counted, Moved, Outcome, Rows
from tests.simulators.sqlserver.storage.catalogue import StoredTable
from tests.simulators.sqlserver.storage.store import SERVER, VERSION, Database, Login, Store
from tests.simulators.sqlserver.tsql import administration, ddl
from tests.simulators.sqlserver.tsql.script import Words, read, statements
from tests.simulators.sqlserver.tsql.translate import Given, Translation, Value, kinds, output_names
from tests.simulators.sqlserver.tsql.types import BY_OID, NUMERIC_OID
from tests.simulators.sqlserver.tsql.words import NAME, bare
from tests.simulators.sqlserver.wire.tokens import Column

_TRANSACTIONS: Final = itertools.count(1)
_SESSIONS: Final = itertools.count(51)
_ISOLATIONS: Final = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT")
_PG_ISOLATION: Final = {"READ UNCOMMITTED": "READ COMMITTED", "SNAPSHOT": "REPEATABLE READ"}
_IDLE_SETTINGS: Final = (
    "ANSI_|NOCOUNT|QUOTED_IDENTIFIER|TEXTSIZE|LANGUAGE|DATEFORMAT|ARITHABORT|CONCAT_NULL|CURSOR_CLOSE|FMTONLY|ROWCOUNT"
)


class Session:
    """`ended` transactions are told to the client by whoever owns the session."""

    def __init__(self, store: Store, login: Login, database: Database) -> None:
        self.store, self.login, self.database = store, login, database
        self.number, self.transaction = next(_SESSIONS), None  # type: tuple[int, int | None]
        self.isolation, self.aborts, self.lock_timeout = "READ COMMITTED", False, 0
        self._identity_insert: str | None = None
        self._scope_identity: int | None = None
        self._counted, self._begun = 0, False
        self._connections: dict[str, psycopg.Connection] = {}

    # --- transactions

    def begin(self) -> int:
        if self.transaction is None:
            self.transaction = next(_TRANSACTIONS)
        return self.transaction

    def commit(self) -> int:
        return self._end("COMMIT", 3902)

    def roll_back(self) -> int:
        return self._end("ROLLBACK", 3903)

    def _end(self, word: str, number: int) -> int:
        ended = self.transaction
        if ended is None:
            raise Refused(number, f"The {word} TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self._refuse_planned(word)
        self.transaction, begun, self._begun = None, self._begun, False
        if begun:
            try:
                self._home.execute(word)
            except psycopg.Error as error:
                raise explained(error) from error
        return ended

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def cancel(self) -> None:
        for connection in list(self._connections.values()):
            connection.cancel()

    @property
    def _home(self) -> psycopg.Connection:
        return self._in(self.database)

    def _in(self, database: Database) -> psycopg.Connection:
        if database.state != "ONLINE":
            raise Refused(927, f"Database '{database.name}' cannot be opened. It is in the middle of a restore.", 14)
        if not database.admits(self.login):
            raise Refused(
                916,
                f'The server principal "{self.login.name}" is not able to access the database "{database.name}".',
                14,
            )
        found = self._connections.get(database.kept_in)
        if found is None or found.closed:
            found = self._connections[database.kept_in] = self.store.connected(database.kept_in)
            found.execute(f"SET lock_timeout = {self.lock_timeout}")
        return found

    # --- statements

    def run(self, text: str, given: Mapping[str, Given]) -> Iterator[Outcome]:
        """What a batch comes to, statement for statement. Raises Refused."""
        self._refuse_planned(text)
        for statement in statements(text):
            if isinstance(statement, Words):
                yield from self._words(statement.text)
            else:
                yield from self._tree(statement, given)

    def find(self, schema: str, name: str) -> StoredTable | None:
        return self.database.catalogue.table(self._home, schema, name)

    def _refuse_planned(self, text: str) -> None:
        planned = self.store.planned_for(text, lambda pattern, said: bool(re.search(pattern, said, re.I | re.S)))
        if planned is not None:
            if self.aborts or planned.ends:
                self._abandon()
            raise planned

    def _tree(self, tree: exp.Expression, given: Mapping[str, Given]) -> Iterator[Outcome]:
        database = self._meant(tree)
        match tree:
            case exp.Select() | exp.SetOperation():
                yield self._select(database, tree, given)
            case exp.Insert():
                yield from self._insert(database, tree, given)
            case exp.Update() | exp.Delete():
                self._require_table(database, tree.this)
                self._allow(database, "UPDATE" if isinstance(tree, exp.Update) else "DELETE", tree)
                yield self._written(database, tree, given)
            case exp.Create() | exp.Alter() | exp.Drop():
                yield self._ddl(database, tree)
            case _:
                raise not_modelled(tree.sql("tsql")[:80])

    def _require_table(self, database: Database, table: exp.Table) -> None:
        if database.catalogue.table(self._in(database), table.db or "dbo", table.name) is None:
            raise Refused(208, f"Invalid object name '{table.name}'.")

    def _meant(self, tree: exp.Expression) -> Database:
        named = {table.catalog for table in tree.find_all(exp.Table) if table.catalog}
        return self.store.named(named.pop()) if named else self.database

    def _allow(self, database: Database, right: str, tree: exp.Expression) -> None:
        table = tree.find(exp.Table)
        name = "" if table is None else table.name
        if database.is_read_only and right != "SELECT":
            raise Refused(3906, f'Failed to update database "{database.name}" because the database is read-only.')
        if table is not None and table.db.lower() in ("sys", "information_schema"):
            return
        if not database.may(self.login, right):
            if right == "CREATE":
                raise Refused(262, f"CREATE TABLE permission denied in database '{database.name}'.", 14)
            raise Refused(229, f"The {right} permission was denied on the object '{name}', schema 'dbo'.", 14)

    def _select(self, database: Database, tree: exp.Expression, given: Mapping[str, Given]) -> Rows:
        if tree.find(exp.Table) is not None:
            self._allow(database, "SELECT", tree)
        guesses = kinds(tree, given, lambda schema, name: database.catalogue.table(self._in(database), schema, name))
        names = output_names(tree)
        done = Translation(given, self._facts, self._views).of(tree)
        found = self._execute(database, done.sql, done.values, locked=done.locked)
        return self._rows(database, found, names, guesses)

    def _written(self, database: Database, tree: exp.Expression, given: Mapping[str, Given]) -> Counted:
        done = Translation(given, self._facts, self._views).of(tree)
        self._counted = self._execute(database, done.sql, done.values).rowcount
        return Counted(self._counted)

    def _insert(self, database: Database, tree: exp.Insert, given: Mapping[str, Given]) -> Iterator[Outcome]:
        self._allow(database, "INSERT", tree)
        target = tree.this
        table = target.this if isinstance(target, exp.Schema) else target
        found = database.catalogue.table(self._in(database), table.db or "dbo", table.name)
        if found is None:
            raise Refused(208, f"Invalid object name '{table.name}'.")
        identity, names = found.identity, _columns(target)
        if not names:
            names = [column.name for column in found.columns if column.identity is None]
            schema = exp.Schema(this=table.copy(), expressions=[exp.to_identifier(name, quoted=True) for name in names])
            tree.set("this", schema)
        explicit = identity is not None and identity.name.lower() in (name.lower() for name in names)
        self._refuse_identity(found, explicit)
        output, asked = output_names(tree) if tree.args.get("returning") else None, bool(tree.args.get("returning"))
        _name_output(tree, None if identity is None else identity.name)
        done = Translation(given, self._facts, self._views).of(tree)
        cursor = self._execute(database, done.sql, done.values)
        self._counted = cursor.rowcount
        if identity is not None and not asked:
            last = cursor.fetchall()
            self._scope_identity = int(last[-1][0]) if last else self._scope_identity
            if explicit:
                self._follow(database, found, identity.name)
        if asked:
            yield self._rows(database, cursor, output, [])
        else:
            yield Counted(self._counted)

    def _refuse_identity(self, table: StoredTable, explicit: bool) -> None:
        is_on = self._identity_insert == f"{table.schema}.{table.name}".lower()
        if explicit and not is_on:
            raise Refused(
                544,
                f"Cannot insert explicit value for identity column in table '{table.name}' when IDENTITY_INSERT is set to OFF.",
            )
        if is_on and not explicit and table.identity is not None:
            raise Refused(
                545,
                f"Explicit value must be specified for identity column in table '{table.name}' when IDENTITY_INSERT is set to ON.",
            )

    def _follow(self, database: Database, table: StoredTable, column: str) -> None:
        """IDENTITY goes on past the largest key given, also where the transaction is rolled back."""
        place = f"{ddl.quoted(table.schema)}.{ddl.quoted(table.name)}"
        sequence = f"pg_get_serial_sequence({ddl.text(place)}, {ddl.text(column.lower())})"
        largest = f"(SELECT max({ddl.quoted(column)}) FROM {place})"
        self._in(database).execute(
            f"SELECT setval({sequence}, greatest({largest}, nextval({sequence}) - 1, 1))".encode()
        )

    def _ddl(self, database: Database, tree: exp.Expression) -> Counted:
        right = "CREATE" if isinstance(tree, exp.Create) else "ALTER"
        if right == "ALTER" and not database.may(self.login, right) and not database.is_read_only:
            raise Refused(3701, "Cannot drop the table, because it does not exist or you do not have permission.", 11)
        self._allow(database, right, tree)
        for statement in self._ddl_statements(database, tree):
            self._execute(database, statement, ())
        database.catalogue.forget()
        return Counted()

    def _ddl_statements(self, database: Database, tree: exp.Expression) -> Iterator[str]:
        match tree:
            case exp.Create() if tree.kind == "TABLE":
                yield from ddl.created(tree)
            case exp.Create() if tree.kind == "INDEX":
                yield ddl.indexed(tree)
            case exp.Drop() if tree.kind == "TABLE":
                for table in tree.args.get("tables") or [tree.this]:
                    if database.catalogue.table(self._in(database), table.db or "dbo", table.name) is None:
                        raise Refused(3701, f"Cannot drop the table '{table.name}', because it does not exist.", 11)
                    yield f"DROP TABLE {ddl.place(table)}"
            case exp.Alter():
                table = tree.this
                known = database.catalogue.table(self._in(database), table.db or "dbo", table.name)
                if known is None:
                    raise Refused(4902, f'Cannot find the object "{table.name}" because it does not exist.')
                yield from ddl.altered(tree, known)
            case _:
                raise not_modelled(tree.sql("tsql")[:80])

    def _execute(
        self, database: Database, sql: str, values: Sequence[Any], locked: Sequence[str] = ()
    ) -> psycopg.RawCursor[Any]:
        connection = self._in(database)
        inside = self.transaction is not None and database is self.database
        cursor = psycopg.RawCursor(connection)
        try:
            if inside and not self._begun:
                self._refuse_snapshot(database)
                connection.execute(
                    f"BEGIN ISOLATION LEVEL {_PG_ISOLATION.get(self.isolation, self.isolation)}".encode()
                )
                self._begun = True
            if inside and not self.aborts:
                connection.execute("SAVEPOINT statement")
            if locked and inside:
                connection.execute(f"LOCK TABLE {', '.join(locked)} IN SHARE MODE".encode())
            cursor.execute(sql.encode(), list(values))
            if inside and not self.aborts:
                connection.execute("RELEASE SAVEPOINT statement")
        except psycopg.Error as error:
            refused = explained(error)
            if refused.ends or self.aborts or not inside:
                self._abandon()
            else:
                connection.execute("ROLLBACK TO SAVEPOINT statement")
            raise refused from error
        return cursor

    def _refuse_snapshot(self, database: Database) -> None:
        if self.isolation == "SNAPSHOT" and not database.allows_snapshot and database.name not in ("master", "tempdb"):
            raise Refused(3952, f"Snapshot isolation transaction failed accessing database '{database.name}'.")

    def _abandon(self) -> None:
        if self._begun:
            self._home.execute("ROLLBACK")
        self.transaction, self._begun = None, False
        self.database.catalogue.forget()

    def _rows(
        self, database: Database, cursor: psycopg.RawCursor[Any], names: list[str] | None, guesses: list[Kind | None]
    ) -> Rows:
        result, rows = cursor.pgresult, cursor.fetchall()
        assert result is not None
        columns = []
        for index in range(result.nfields):
            oid, number = result.ftable(index), result.ftablecol(index)
            known = database.catalogue.column(self._in(database), oid, number) if oid and number > 0 else None
            kind = (known and known.kind) or (guesses[index] if index < len(guesses) else None)
            kind = kind or _believed(result.ftype(index), [row[index] for row in rows])
            plain = known.name if known is not None else (result.fname(index) or b"").decode()
            name = plain if names is None else names[index]
            columns.append(
                Column(name, kind, known is None or known.is_nullable, known is not None and known.identity is not None)
            )
        self._counted = len(rows)
        return Rows(columns, rows)

    # --- what only the session or the server knows

    def _facts(self, name: str, arguments: Sequence[Value]) -> Value:
        match name, [str(each) if each is not None else None for each in arguments]:
            case "@@spid", _:
                return self.number
            case "@@trancount", _:
                return int(self.transaction is not None)
            case "@@rowcount", _:
                return self._counted
            case "@@version", _:
                return f"Bitewing's stand-in for SQL Server, our model of version {VERSION}"
            case "scope_identity" | "@@identity", _:
                return self._scope_identity
            case "schema_name", []:
                return "dbo"
            case "db_name", []:
                return self.database.name
            case "db_id", []:
                return self.database.number
            case "db_id", [str(wanted)]:
                found = self.store.databases.get(wanted.lower())
                return None if found is None else found.number
            case "suser_sname" | "original_login", []:
                return self.login.name
            case "object_id", [str(wanted), *_]:
                return self._object_id(wanted)
            case "serverproperty", [str(wanted)]:
                return _properties(self.store).get(wanted.lower())
            case "databasepropertyex", [str(wanted), str(property_)]:
                return self._property(wanted, property_)
            case "has_perms_by_name", [str(wanted), "DATABASE", str(right)]:
                found = self.store.databases.get(wanted.lower())
                return None if found is None else int(found.may(self.login, right.upper()))
        raise KeyError(name)

    def _property(self, name: str, wanted: str) -> Value:
        found = self.store.databases.get(name.lower())
        if found is None:
            return None
        facts: Mapping[str, Value] = {
            "status": found.state,
            "updateability": "READ_ONLY" if found.is_read_only else "READ_WRITE",
        }
        return facts.get(wanted.lower())

    def _object_id(self, written: str) -> Value:
        parts = [part[1:-1] if part.startswith("[") else part for part in re.findall(NAME, written)]
        *before, schema, name = ["", "dbo", *parts] if len(parts) == 1 else ["", *parts]
        database = self.store.databases.get(before[-1].lower()) if before[-1] else self.database
        if database is None or database.state != "ONLINE":
            return None
        found = database.catalogue.table(self._in(database), schema, name)
        return None if found is None else found.oid

    def _views(self, name: str) -> tuple[Sequence[str], Sequence[Sequence[Value]]] | None:
        match name:
            case "sys.databases":
                heads = ("name", "database_id", "state_desc", "is_read_only", "snapshot_isolation_state")
                return heads, [
                    (each.name, each.number, each.state, int(each.is_read_only), int(each.allows_snapshot))
                    for each in self.store.all_databases()
                ]
            case "sys.master_files":
                heads = ("database_id", "file_id", "type_desc", "name", "physical_name")
                return heads, [
                    (each.number, number, "LOG" if kind == "L" else "ROWS", logical, path)
                    for each in self.store.all_databases()
                    for number, (logical, kind, path) in enumerate(each.files, 1)
                ]
            case "sys.dm_exec_sessions":
                level = _ISOLATIONS.index(self.isolation) + 1
                return ("session_id", "login_name", "transaction_isolation_level"), [
                    (self.number, self.login.name, level)
                ]
        return None

    # --- statements carried out here

    def _words(self, text: str) -> Iterator[Outcome]:
        for pattern, act in _ACTS:
            if found := re.fullmatch(pattern, text.strip(), re.I | re.S):
                yield from act(self, *found.groups())
                return
        done = administration.carried_out(administration.Place(self.store, self.login, self.database), text)
        if done is None:
            raise not_modelled(text[:80])
        yield from done

    def _set(self, _: str) -> Iterator[Outcome]:
        yield Counted()

    def _set_abort(self, value: str) -> Iterator[Outcome]:
        self.aborts = value.upper() == "ON"
        yield Counted()

    def _set_lock_timeout(self, value: str) -> Iterator[Outcome]:
        self.lock_timeout = max(int(value), 1) if int(value) >= 0 else 0
        for connection in self._connections.values():
            connection.execute(f"SET lock_timeout = {self.lock_timeout}".encode())
        yield Counted()

    def _set_isolation(self, level: str) -> Iterator[Outcome]:
        self.isolation = " ".join(level.upper().split())
        yield Counted()

    def _set_identity(self, table: str, value: str) -> Iterator[Outcome]:
        *schema, name = [bare(part) for part in re.findall(NAME, table)]
        wanted = f"{schema[-1] if schema else 'dbo'}.{name}".lower()
        if not self.database.may(self.login, "ALTER"):
            raise Refused(
                1088, f'Cannot find the object "{name}" because it does not exist or you do not have permissions.'
            )
        if value.upper() == "ON" and self._identity_insert not in (None, wanted):
            raise Refused(8107, f"IDENTITY_INSERT is already ON for table '{self._identity_insert}'.")
        if value.upper() == "ON":
            self._identity_insert = wanted
        elif self._identity_insert == wanted:
            self._identity_insert = None
        yield Counted()

    def _use(self, name: str) -> Iterator[Outcome]:
        old, self.database = self.database, self.store.named(bare(name))
        yield Moved(self.database.name, old.name)

    def _if(self, condition: str, then: str) -> Iterator[Outcome]:
        tree = read(f"SELECT CASE WHEN {condition} THEN 1 ELSE 0 END AS x").copy()
        if self._select(self.database, tree, {}).rows[0][0] == 1:
            yield from self.run(then, {})
        else:
            yield Counted()

    def _begin_words(self) -> Iterator[Outcome]:
        self.begin()
        yield Counted()

    def _commit_words(self) -> Iterator[Outcome]:
        self.commit()
        yield Counted()

    def _roll_back_words(self) -> Iterator[Outcome]:
        self.roll_back()
        yield Counted()


_ACTS: Final = (
    (rf"SET\s+((?:{_IDLE_SETTINGS}).*)", Session._set),
    (r"SET\s+XACT_ABORT\s+(ON|OFF)", Session._set_abort),
    (r"SET\s+LOCK_TIMEOUT\s+(-?\d+)", Session._set_lock_timeout),
    (r"SET\s+TRANSACTION\s+ISOLATION\s+LEVEL\s+([\w ]+)", Session._set_isolation),
    (r"SET\s+IDENTITY_INSERT\s+(\S+)\s+(ON|OFF)", Session._set_identity),
    (rf"USE\s+({NAME})", Session._use),
    (r"IF\s+(.+?)\s+((?:ALTER|DROP|CREATE|INSERT|DELETE|UPDATE|SELECT)\b.*)", Session._if),
    (r"BEGIN\s+TRAN(?:SACTION)?", Session._begin_words),
    (r"COMMIT(?:\s+TRAN(?:SACTION)?|\s+WORK)?", Session._commit_words),
    (r"ROLLBACK(?:\s+TRAN(?:SACTION)?|\s+WORK)?", Session._roll_back_words),
)


def _columns(target: exp.Expression) -> list[str]:
    return [node.name for node in target.expressions] if isinstance(target, exp.Schema) else []


def _name_output(tree: exp.Insert, identity: str | None) -> None:
    """OUTPUT inserted.x as RETURNING; else the identity is asked back, for SCOPE_IDENTITY."""
    returning = tree.args.get("returning")
    if returning:
        for column in returning.find_all(exp.Column):
            column.set("table", None)
    elif identity is not None:
        tree.set("returning", exp.Returning(expressions=[exp.column(exp.to_identifier(identity, quoted=True))]))


def _believed(oid: int, values: Sequence[Any]) -> Kind:
    if oid == NUMERIC_OID:
        scale = max((max(-int(value.as_tuple().exponent), 0) for value in values if value is not None), default=0)
        return Kind("decimal", precision=38, scale=scale)
    kind = BY_OID.get(oid)
    if kind is None:
        raise not_modelled(f"a result of PostgreSQL's type {oid}")
    if kind.length and any(value is not None and len(value) > kind.length for value in values):
        return Kind(kind.name, MAX)
    return kind


def _properties(store: Store) -> Mapping[str, Value]:
    return {
        "productversion": VERSION, "servername": SERVER, "edition": "Stand-in", "collation": "SQL_Latin1_General_CP1_CI_AS",
        "instancedefaultdatapath": f"{store.folder}/", "instancedefaultlogpath": f"{store.folder}/", "engineedition": 3,
    }  # fmt: skip
