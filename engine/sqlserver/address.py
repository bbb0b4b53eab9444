"""A SQL Server URL made ready: driver, time-outs and password filled in, everything else left as it was written.

`mssql+pyodbc://[USER@]SERVER[\\INSTANCE][:PORT]/DATABASE[?OPTION=VALUE&...]`. Options go to the driver as they are: its
TLS options (`Encrypt`, `TrustServerCertificate`, `HostNameInCertificate`, `ServerCertificate`) among them. Without a
user Windows integrated authentication is used. A user's password comes from SQLCMDPASSWORD, as for Microsoft's own
tools, unless the URL holds one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import URL

from engine.sqlserver.driver import find_driver
from protocol.errors import UsageProblem

PASSWORD_VARIABLE: Final = "SQLCMDPASSWORD"  # noqa: S105 - the name of a variable
LOGIN_SECONDS: Final = 15  # a server that sleeps wakes within
QUERY_SECONDS: Final = 900  # a sort of a million rows on a slow disk; a hung server is noticed all the same
LOCK_SECONDS: Final = 30  # longer than any transaction of DEXIS 10
_OURS: Final = ("driver", "timeout", "query_timeout")  # options that are not the driver's, or spelt one way only


@dataclass(frozen=True, slots=True)
class Address:
    """What a connection is made with. Seconds; 0 is for ever."""

    url: URL
    login_seconds: int
    query_seconds: int


def ready(
    url: URL, environment: Mapping[str, str], options: Mapping[str, str], driver: Callable[[], str] = find_driver
) -> Address:
    """`url` with `options` added. Raises UsageProblem for an address that hides which database it means, and
    EnvironmentProblem without a driver."""
    _refuse_hidden(url)
    written = {name.lower(): str(value) for name, value in url.query.items()}
    login, query = _seconds(written, "timeout", LOGIN_SECONDS), _seconds(written, "query_timeout", QUERY_SECONDS)
    made = url.difference_update_query([name for name in url.query if name.lower() in _OURS])
    more = {name: value for name, value in options.items() if name.lower() not in written}
    more["driver"] = written.get("driver") or driver()
    if url.username and not url.password and PASSWORD_VARIABLE in environment:
        made = made.set(password=environment[PASSWORD_VARIABLE])
    return Address(made.update_query_dict(more), login, query)


def _refuse_hidden(url: URL) -> None:
    """A data source name, or a whole connection string, does not say which database it is about."""
    if not url.host or any(name.lower() in ("dsn", "odbc_connect", "server", "database") for name in url.query):
        raise UsageProblem(
            "a SQL Server URL must name server and database itself",
            next_step="write mssql+pyodbc://SERVER/DATABASE; options of the driver follow a question mark",
        )


def _seconds(written: Mapping[str, str], name: str, usual: int) -> int:
    text = written.get(name, str(usual))
    if not text.isdigit() or int(text) > 86_400:
        raise UsageProblem(f"{name} in the SQL Server URL is no number of seconds", next_step=f"write {name}={usual}")
    return int(text)
