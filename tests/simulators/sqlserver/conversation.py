"""A logged-in client's requests carried out, and what is said to each."""

# ruff: noqa: E501 - questions and tables
from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlglot import exp

from tests.simulators.sqlserver.errors import Refused, not_modelled
from tests.simulators.sqlserver.kinds import Kind
from tests.simulators.sqlserver.outcomes import Counted, Moved, Outcome, Rows, Told
from tests.simulators.sqlserver.storage.store import SERVER
from tests.simulators.sqlserver.tsql.describe import described
from tests.simulators.sqlserver.tsql.script import statements
from tests.simulators.sqlserver.tsql.session import Session
from tests.simulators.sqlserver.tsql.translate import Given
from tests.simulators.sqlserver.tsql.types import literal_kind
from tests.simulators.sqlserver.wire import requests, tokens
from tests.simulators.sqlserver.wire.packets import ATTENTION, BATCH, MANAGER, RPC, Message
from tests.simulators.sqlserver.wire.requests import Call, Parameter
from tests.simulators.sqlserver.wire.tokens import Column

_ISOLATIONS: Final = {
    1: "READ UNCOMMITTED",
    2: "READ COMMITTED",
    3: "REPEATABLE READ",
    4: "SERIALIZABLE",
    5: "SNAPSHOT",
}
_INT: Final = Kind("int")
_TYPE_INFO: Final = ("TYPE_NAME", "DATA_TYPE", "PRECISION", "LITERAL_PREFIX", "LITERAL_SUFFIX", "CREATE_PARAMS", "NULLABLE",
    "CASE_SENSITIVE", "SEARCHABLE", "UNSIGNED_ATTRIBUTE", "MONEY", "AUTO_INCREMENT", "LOCAL_TYPE_NAME", "MINIMUM_SCALE",
    "MAXIMUM_SCALE", "SQL_DATA_TYPE", "SQL_DATETIME_SUB", "NUM_PREC_RADIX", "INTERVAL_PRECISION", "USERTYPE")  # fmt: skip
_TYPES: Final = {
    93: ("datetime2", 27, 7),
    12: ("varchar", 8_000, 0),
    -9: ("nvarchar", 4_000, 0),
    -3: ("varbinary", 8_000, 0),
}
_TEXTS: Final = ("TYPE_NAME", "LITERAL_PREFIX", "LITERAL_SUFFIX", "CREATE_PARAMS", "LOCAL_TYPE_NAME")


class Conversation:
    """Prepared statements live as long as it does; one request runs at a time, whichever channel it came by."""

    def __init__(self, session: Session) -> None:
        self._session, self._turn = session, threading.Lock()
        self._prepared: dict[int, tuple[str, str]] = {}
        self._known = session.transaction

    def break_off(self) -> None:
        self._session.cancel()

    def answer(self, message: Message) -> bytes:
        with self._turn:
            try:
                return self._answer(message)
            except Refused as refused:
                return self._refusal(refused) + tokens.done(tokens.FAILED)
            except KeyError as problem:
                return self._refusal(not_modelled(str(problem))) + tokens.done(tokens.FAILED)
            except Exception as problem:
                traceback.print_exc()
                return self._refusal(not_modelled(repr(problem))) + tokens.done(tokens.FAILED)

    def _answer(self, message: Message) -> bytes:
        match message.kind:
            case x if x == BATCH:
                return self._batch(requests.batch(message.data))
            case x if x == RPC:
                return b"".join(self._last(list(requests.calls(message.data))))
            case x if x == MANAGER:
                return self._change(requests.change(message.data)) + tokens.done(0)
            case x if x == ATTENTION:
                return tokens.done(tokens.CANCELLED)
        raise not_modelled(f"a message of kind {message.kind}")

    def _batch(self, text: str) -> bytes:
        said = [self._said(outcome, tokens.DONE) for outcome in self._session.run(text, {})]
        return self._chained(said) + self._ended()

    def _chained(self, said: Sequence[bytes]) -> bytes:
        return b"".join(said) or tokens.done(0)

    def _last(self, found: Sequence[Call]) -> Iterator[bytes]:
        for index, call in enumerate(found):
            more = tokens.MORE if index + 1 < len(found) else 0
            try:
                body, status = self._call(call), 0
            except Refused as refused:
                body, status = self._refusal(refused), tokens.FAILED
            yield body + tokens.done(more | status, token=tokens.DONE_PROCEDURE)

    def _call(self, call: Call) -> bytes:
        given = call.parameters
        match call.procedure.rpartition(".")[2].strip("[]"):
            case "sp_executesql":
                return (
                    self._run(given[0].value, given[1].value if len(given) > 1 else "", given[2:]) + tokens.returned()
                )
            case "sp_prepexec" | "sp_prepare":
                handle = len(self._prepared) + 1
                self._prepared[handle] = (given[2].value, given[1].value or "")
                body = self._run(*self._prepared[handle], given[3:]) if call.procedure == "sp_prepexec" else b""
                return body + tokens.returned() + tokens.output(0, _INT, handle)
            case "sp_execute":
                return self._run(*self._prepared[given[0].value], given[1:]) + tokens.returned()
            case "sp_unprepare":
                return tokens.returned()
            case "sp_describe_undeclared_parameters":
                trees = [tree for tree in statements(given[0].value) if isinstance(tree, exp.Expression)]
                return self._said(described(trees, self._session.find), tokens.DONE_INSIDE) + tokens.returned()
            case name if name.startswith("sp_datatype_info"):
                columns = [Column(each, Kind("nvarchar", 128) if each in _TEXTS else _INT) for each in _TYPE_INFO]
                return (
                    self._said(Rows(columns, _types(given[0].value if given else 0)), tokens.DONE_INSIDE)
                    + tokens.returned()
                )
        raise not_modelled(call.procedure)

    def _run(self, text: str, declared: str, values: Sequence[Parameter]) -> bytes:
        given = dict(_given(declared, values))
        return b"".join(self._said(each, tokens.DONE_INSIDE) for each in self._session.run(text, given)) + self._ended()

    def _said(self, outcome: Outcome, token: int) -> bytes:
        more = tokens.MORE if token == tokens.DONE_INSIDE else 0
        match outcome:
            case Rows(columns, rows):
                body = tokens.head(columns) + b"".join(tokens.row(columns, row) for row in rows)
                return body + tokens.done(tokens.COUNTED | more, len(rows), token)
            case Counted(None):
                return tokens.done(more, 0, token)
            case Counted(rows):
                return tokens.done(tokens.COUNTED | more, rows or 0, token)
            case Told(number, text):
                return tokens.said(number, 0, text, SERVER)
            case Moved(new, old):
                return (
                    tokens.database_changed(new, old)
                    + tokens.said(5701, 0, f"Changed database context to '{new}'.", SERVER)
                    + tokens.done(more, 0, token)
                )
        raise TypeError(outcome)

    def _refusal(self, refused: Refused) -> bytes:
        return tokens.said(refused.number, refused.severity, refused.text, SERVER) + self._ended()

    def _ended(self) -> bytes:
        """What the client must know of a transaction that a statement began or ended."""
        before, self._known = self._known, self._session.transaction
        if before == self._known:
            return b""
        return tokens.begun(self._known) if self._known is not None else tokens.rolled_back(before or 0)

    def _change(self, asked: requests.Change) -> bytes:
        session = self._session
        if asked.what == requests.BEGIN:
            if asked.isolation in _ISOLATIONS:
                session.isolation = _ISOLATIONS[asked.isolation]
            said = tokens.begun(session.begin())
        elif asked.what == requests.COMMIT:
            said = tokens.committed(session.commit())
        else:
            said = tokens.rolled_back(session.roll_back())
        if asked.again:
            said += tokens.begun(session.begin())
        self._known = session.transaction
        return said


def _types(wanted: int) -> list[list[Any]]:
    """sp_datatype_info's answer about one ODBC type: pyodbc takes from it how fine a time it may send."""
    return [_type_row(wanted, *_TYPES[wanted])] if wanted in _TYPES else []


def _type_row(code: int, name: str, size: int, digits: int) -> list[Any]:
    facts = {"TYPE_NAME": name, "LOCAL_TYPE_NAME": name, "DATA_TYPE": code, "PRECISION": size, "MAXIMUM_SCALE": digits}
    return [facts.get(each, None if each in _TEXTS else 0) for each in _TYPE_INFO]


def _given(declared: str, values: Sequence[Parameter]) -> Iterator[tuple[str, Given]]:
    """Each parameter by its declared name: values come by name or in order."""
    written = [part.strip() for part in _split(declared) if part.strip()]
    names: list[tuple[str, str]] = [tuple(part.split(None, 1)) for part in written]  # type: ignore[misc]
    by_name = {value.name: value for value in values if value.name}
    for (name, kind), value in zip(names, values, strict=False):
        found: Any = by_name.get(name.lower(), value)
        yield name.lower(), Given(literal_kind(kind.removesuffix(" OUTPUT").removesuffix(" output")), found.value)


def _split(declared: str) -> Iterator[str]:
    depth, start = 0, 0
    for index, letter in enumerate(declared):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            yield declared[start:index]
            start = index + 1
    yield declared[start:]
