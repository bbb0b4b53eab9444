"""Database URLs: which dialect they speak, which file they name, and whether two of them mean one database."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from protocol.errors import UsageProblem

_DIALECTS: Final = {"sqlite": "sqlite", "postgresql": "postgresql", "mssql": "mssql"}
_PORTS: Final = {"postgresql": 5432, "mssql": 1433, "sqlite": 0}
_LOOPBACK: Final = ("", "localhost", "127.0.0.1", "::1", ".", "(local)")


def parse_url(text: str) -> URL:
    """`text` as a URL. Raises UsageProblem; the text itself is not repeated, it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as problem:
        raise UsageProblem("not a database URL", next_step="write for example sqlite:///PATH") from problem
    if url.get_backend_name() not in _DIALECTS:
        raise UsageProblem(
            f"no dialect called {url.get_backend_name()}", next_step="use sqlite, postgresql+psycopg or mssql+pyodbc"
        )
    return url


def dialect_of(text: str) -> str:
    """postgresql, mssql or sqlite."""
    return _DIALECTS[parse_url(text).get_backend_name()]


def sqlite_path(text: str) -> Path:
    """The file that a sqlite URL names. Raises UsageProblem for a database in memory."""
    path = parse_url(text).database
    if not path or path == ":memory:" or path.startswith("file:"):
        raise UsageProblem("the SQLite URL names no file", next_step="write sqlite:///PATH")
    return Path(path)


def place_of(text: str) -> str:
    """What an error message may say of a URL: dialect, host and database, never user or password."""
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        return f"sqlite {url.database}"
    host = _host(url)
    server = host if host and not host.startswith("\\") else f"localhost{host}"
    return f"{url.get_backend_name()} {server}{'' if _names_instance(url) else f':{_port(url)}'}/{url.database}"


def same_database(first: str, second: str) -> bool:
    """Whether two URLs mean one database, as far as their texts tell: same file, or same server and name."""
    if dialect_of(first) != dialect_of(second):
        return False
    if dialect_of(first) == "sqlite":
        return sqlite_path(first).resolve() == sqlite_path(second).resolve()
    one, other = parse_url(first), parse_url(second)
    return (_host(one), _place(one), _name(one)) == (_host(other), _place(other), _name(other))


def _host(url: URL) -> str:
    """The server, empty for this machine; a named instance of SQL Server after a backslash."""
    queried = url.query.get("host", "")
    written = (url.host or (queried if isinstance(queried, str) else queried[0])).lower()
    host, separator, instance = written.partition("\\")
    is_here = host.rstrip(".") in (*_LOOPBACK, platform.node().lower())
    return ("" if is_here else host.rstrip(".")) + separator + instance


def _port(url: URL) -> int:
    queried = str(url.query.get("port", ""))
    return url.port or (int(queried) if queried.isdigit() else _PORTS[url.get_backend_name()])


def _names_instance(url: URL) -> bool:
    """Whether the server is a named instance of SQL Server, which has whatever port it happens to get."""
    return "\\" in _host(url)


def _place(url: URL) -> int:
    return 0 if _names_instance(url) else _port(url)


def _name(url: URL) -> str:
    return (url.database or url.username or "").lower()
