"""What the tests have of SQL Server: Microsoft's real driver, a server that only talks, and a real one by URL.

The real driver meets `Talking`, which speaks enough of the wire protocol (MS-TDS 7.4) to let it log in, to answer
questions with one text, and to say no with any of SQL Server's errors. It stores nothing and knows no SQL.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.managers import DictProxy, ListProxy
from pathlib import Path
from typing import Any, Final

import pytest

REAL_SERVER: Final = "BITEWING_TEST_MSSQL"
_PACKAGES: Final = ("libltdl7", "libodbc2")
_KEPT: Final = Path(__file__).parents[3] / "build" / "odbc"


@pytest.fixture(scope="session")
def driver_manager() -> None:
    """`import pyodbc` works."""
    make_driver_manager()


def make_driver_manager() -> None:
    """Makes `import pyodbc` work: with the system's unixODBC, else with Debian's, taken from its package."""
    try:
        import pyodbc  # noqa: F401
    except ImportError as problem:
        if "libodbc" not in str(problem):
            raise
        _load_debians()


def _load_debians() -> None:
    if not list(_KEPT.rglob("libodbc.so.2")):
        print(f"unpacking Debian's packages {' and '.join(_PACKAGES)} below {_KEPT}", file=sys.stderr)
        _KEPT.mkdir(parents=True, exist_ok=True)
        if not _download():
            subprocess.run(["apt-get", "-qq", "update"], check=False, capture_output=True)
            if not _download():
                raise AssertionError("unixODBC is not installed and could not be fetched: apt-get install libodbc2")
        for package in _KEPT.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, _KEPT], check=True, capture_output=True)
    for library in ("libltdl.so.7", "libodbc.so.2"):
        ctypes.CDLL(str(next(_KEPT.rglob(library))), mode=ctypes.RTLD_GLOBAL)


def _download() -> bool:
    """Whether the packages lie in the folder now. Needs no rights; of a system without package lists it fails."""
    if shutil.which("apt-get") is None:
        return False
    done = subprocess.run(["apt-get", "-qq", "download", *_PACKAGES], check=False, cwd=_KEPT, capture_output=True)
    return done.returncode == 0


@dataclass(frozen=True)
class Refusal:
    """An error of SQL Server: number, severity, text."""

    number: int
    text: str
    severity: int = 16


HANG_UP: Final = "hang up"
SILENCE: Final = "silence"
Reply = Refusal | str


class Talking:
    """A server in a process of its own: the driver may keep this one's interpreter to itself while it waits."""

    def __init__(self, port: int, known: DictProxy[str, Any], heard: ListProxy[str]) -> None:
        self._port, self._known, self._heard = port, known, heard

    def says(self, replies: Mapping[str, Reply]) -> None:
        """What is said to a statement in which a pattern is found; the last one told counts first.

        A text is the one value of one row; HANG_UP ends the connection, SILENCE says nothing.
        """
        self._known["replies"] = {**replies, **self._known["replies"]}

    def refuses_logins(self, refusal: Refusal) -> None:
        self._known["login"] = refusal

    def heard(self) -> list[str]:
        """The statements since this was asked last, in order."""
        heard = list(self._heard)
        self._heard[:] = []
        return heard

    def forgets(self) -> None:
        """Everything it was told and heard."""
        self._known.update(replies={}, login=None)
        self._heard[:] = []

    def url(self, **options: str) -> str:
        """It speaks without MARS, which wraps every message once more."""
        more = "".join(f"&{name}={value}" for name, value in {"MARS_Connection": "no", **options}.items())
        return f"mssql+pyodbc://user:swordfish@127.0.0.1:{self._port}/DEXIS?Encrypt=no{more}"


@pytest.fixture(scope="session")
def _talking_server(driver_manager: None) -> Iterator[Talking]:
    context = get_context("spawn")
    with context.Manager() as manager, socket.create_server(("127.0.0.1", 0)) as listening:
        known: Any = manager.dict(replies={}, login=None)
        heard: Any = manager.list()
        process = context.Process(target=serve, args=(listening, known, heard), daemon=True)
        process.start()
        yield Talking(listening.getsockname()[1], known, heard)
        process.kill()
        process.join()


@pytest.fixture
def talking(_talking_server: Talking) -> Iterator[Talking]:
    """A server that only talks, and knows nothing yet."""
    _talking_server.forgets()
    yield _talking_server


def serve(listening: socket.socket, known: DictProxy[str, Any], heard: ListProxy[str]) -> None:
    """Logs everybody in, for ever."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_Conversation(connection, known, heard).run, daemon=True).start()


class _Conversation:
    """One connection."""

    def __init__(self, connection: socket.socket, known: DictProxy[str, Any], heard: ListProxy[str]) -> None:
        self._connection, self._known, self._heard = connection, known, heard

    def run(self) -> None:
        with self._connection:
            while (packet := _read(self._connection)) is not None:
                answer = self._answer(*packet)
                if answer is None:
                    return
                if answer:
                    self._connection.sendall(_packets(answer))

    def _answer(self, kind: int, data: bytes) -> bytes | None:
        """What is said to a message; None ends the connection, nothing is silence."""
        text = _printable(data)
        match kind:
            case 0x12:
                return _PRELOGIN
            case 0x10:
                refusal = self._known["login"]
                return _error(refusal) + _done(2) if refusal else _LOGGED_IN
            case 0x06:  # the client gave up waiting
                return _done(0x20)
            case 0x0E:
                return self._transaction(*struct.unpack_from("<H", data, struct.unpack_from("<I", data)[0]))
            case 0x03 if "sp_datatype_info" in text:
                return _columns(_TYPE_INFO) + _FINISHED
        return self._said(text, _FINISHED if kind == 0x03 else b"")

    def _transaction(self, request: int) -> bytes | None:
        """Begin (5), commit (7), roll back (8)."""
        word = {5: "BEGIN", 7: "COMMIT", 8: "ROLLBACK"}[request]
        self._heard.append(word)
        reply = self._known["replies"].get(word)
        if reply == HANG_UP:
            return None
        return _error(reply) + _done(2) if reply else _TRANSACTIONS[request] + _done(0)

    def _said(self, text: str, finished: bytes) -> bytes | None:
        self._heard.append(text)
        replies = self._known["replies"].items()
        reply = next((said for pattern, said in replies if re.search(pattern, text, re.I | re.S)), None)
        if isinstance(reply, Refusal):
            return _error(reply) + (finished or _done(2))
        if reply in (HANG_UP, SILENCE):
            return None if reply == HANG_UP else b""
        if reply is None and not re.search(r"\bselect\b", text, re.I):
            return finished or _done(0)
        return _one_row(reply or "") + (finished or _done(0x10, 1))


def _printable(data: bytes) -> str:
    """The longest texts in UTF-16 that a message holds: statements and their values."""
    found = re.findall(rb"(?:[\x09\x0a\x0d\x20-\x7e]\x00){3,}", data)
    return "\n".join(part.decode("utf-16-le") for part in found)


def _read(connection: socket.socket) -> tuple[int, bytes] | None:
    """One message: its kind and its packets put together; None when the client has gone."""
    message = b""
    while True:
        header = _exactly(connection, 8)
        if header is None:
            return None
        kind, status, length = struct.unpack(">BBH", header[:4])
        body = _exactly(connection, length - 8)
        if body is None:
            return None
        message += body
        if status & 1:
            return kind, message


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    found = b""
    while len(found) < size:
        try:
            part = connection.recv(size - len(found))
        except OSError:
            return None
        if not part:
            return None
        found += part
    return found


def _packets(data: bytes, size: int = 4_000) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    heads = (
        struct.pack(">BBHHBB", 4, int(number == len(parts)), len(part) + 8, 0, number % 256, 0) + part
        for number, part in enumerate(parts, 1)
    )
    return b"".join(heads)


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _token(kind: int, body: bytes) -> bytes:
    return struct.pack("<BH", kind, len(body)) + body


def _error(refusal: Refusal) -> bytes:
    text = struct.pack("<H", len(refusal.text)) + refusal.text.encode("utf-16-le")
    head = struct.pack("<iBB", refusal.number, 1, refusal.severity)
    return _token(0xAA, head + text + _short("TALKING") + _short("") + struct.pack("<I", 1))


def _done(status: int, rows: int = 0) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status, 0, rows)


_COLLATION: Final = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])  # SQL_Latin1_General_CP1_CI_AS


def _one_row(value: str) -> bytes:
    text = value.encode("utf-16-le")
    return _columns({"answer": str}) + bytes([0xD1]) + struct.pack("<H", len(text)) + text


def _columns(kinds: Mapping[str, type]) -> bytes:
    """The head of a result: texts of at most 4,000 characters, and integers of four bytes."""
    text, number = struct.pack("<BH", 0xE7, 8_000) + _COLLATION, bytes([0x26, 4])
    described = (
        struct.pack("<IH", 0, 9) + (text if kind is str else number) + _short(name) for name, kind in kinds.items()
    )
    return bytes([0x81]) + struct.pack("<H", len(kinds)) + b"".join(described)


def _prelogin() -> bytes:
    """Version 15.0, no encryption, no named instance, no MARS."""
    values: Mapping[int, bytes] = {0: bytes([15, 0, 7, 208, 0, 0]), 1: b"\x02", 2: b"\x00", 3: b"", 4: b"\x00"}
    start, heads, bodies = 5 * len(values) + 1, b"", b""
    for option, value in values.items():
        heads += struct.pack(">BHH", option, start + len(bodies), len(value))
        bodies += value
    return heads + b"\xff" + bodies


_PRELOGIN: Final = _prelogin()
_FINISHED: Final = struct.pack("<Bi", 0x79, 0) + struct.pack("<BHHQ", 0xFE, 0, 0, 0)  # of a procedure: its status, done
_DESCRIPTOR: Final = b"\x08" + bytes(range(1, 9))
_TRANSACTIONS: Final = {
    5: _token(0xE3, b"\x08" + _DESCRIPTOR + b"\x00"),
    7: _token(0xE3, b"\x09\x00" + _DESCRIPTOR),
    8: _token(0xE3, b"\x0a\x00" + _DESCRIPTOR),
}
# What the driver asks on connecting: sp_datatype_info.
_TYPE_INFO: Final[Mapping[str, type]] = {
    **{"TYPE_NAME": str, "DATA_TYPE": int, "PRECISION": int, "LITERAL_PREFIX": str, "LITERAL_SUFFIX": str},
    **{"CREATE_PARAMS": str, "NULLABLE": int, "CASE_SENSITIVE": int, "SEARCHABLE": int, "UNSIGNED_ATTRIBUTE": int},
    **{"MONEY": int, "AUTO_INCREMENT": int, "LOCAL_TYPE_NAME": str, "MINIMUM_SCALE": int, "MAXIMUM_SCALE": int},
    **{
        "SQL_DATA_TYPE": int,
        "SQL_DATETIME_SUB": int,
        "NUM_PREC_RADIX": int,
        "INTERVAL_PRECISION": int,
        "USERTYPE": int,
    },
}
_LOGGED_IN: Final = (
    _token(0xE3, b"\x01" + _short("DEXIS") + _short("master"))
    + _token(0xE3, b"\x07\x05" + _COLLATION + b"\x00")
    + _token(0xE3, b"\x04" + _short("4096") + _short("4096"))
    + _token(0xAD, b"\x01" + struct.pack(">I", 0x74000004) + _short("Microsoft SQL Server") + bytes([15, 0, 7, 208]))
    + _done(0)
)
