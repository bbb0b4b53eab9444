"""Which ODBC driver speaks to SQL Server when the URL names none.

Elsewhere than on Windows Microsoft's driver 18 comes as a wheel, `mssql-python-odbc`, and is loaded by its path. On
Windows the driver manager is part of the system and knows drivers by name only.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from protocol.errors import EnvironmentProblem

# Names under which installers register a driver, best first.
REGISTERED: Final = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server", "FreeTDS")
_WHEEL: Final = "mssql_python_odbc"
_INSTALL: Final = "install Microsoft's ODBC Driver 18 for SQL Server, or pip install 'bitewing[mssql]'"
_MANAGER: Final = "install unixODBC: apt-get install libodbc2 on Debian and Ubuntu, dnf install unixODBC on Red Hat"


def find_driver() -> str:
    """A registered name, or the path of the driver's library. Raises EnvironmentProblem that says what to install."""
    return chosen(wheel_driver(), registered_drivers())


def chosen(wheel: Path | None, registered: Sequence[str]) -> str:
    """The wheel's driver, else the best registered one. Raises EnvironmentProblem."""
    if wheel is not None:
        return str(wheel)
    for name in REGISTERED:
        if name in registered:
            return name
    raise EnvironmentProblem("no ODBC driver for SQL Server is installed", next_step=_INSTALL)


def registered_drivers() -> Sequence[str]:
    """The names of the drivers that the system's driver manager knows. Raises EnvironmentProblem."""
    try:
        import pyodbc  # noqa: PLC0415 - only where SQL Server is spoken
    except ImportError as problem:
        raise missing(problem) from problem
    return list(pyodbc.drivers())


def missing(problem: ImportError) -> EnvironmentProblem:
    """What `import pyodbc` failing means: the package is not there, or the library that it loads is not."""
    if "libodbc" in str(problem):
        return EnvironmentProblem("the ODBC driver manager is not installed", next_step=_MANAGER)
    return EnvironmentProblem("the driver for SQL Server is not installed", next_step=_INSTALL)


def wheel_driver() -> Path | None:
    """The library inside the installed wheel that fits this system; None without the wheel, and on Windows."""
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        return None
    return fitting(Path(found.origin).parent / "libs", sys.platform, platform.machine(), _os_release())


def fitting(libraries: Path, system: str, machine: str, os_release: str) -> Path | None:
    """The driver below `libraries` for a `sys.platform`, a machine and the text of /etc/os-release."""
    processor = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.lower())
    if processor is None or system == "win32":
        return None
    folder = libraries / ("macos" if system == "darwin" else f"linux/{_family(os_release)}") / processor / "lib"
    return next(iter(sorted(folder.glob("libmsodbcsql*"), reverse=True)), None)


def _family(os_release: str) -> str:
    """Which of the wheel's builds a Linux can load: they differ in the C library and in OpenSSL's names."""
    words = os_release.lower()
    for family, marks in {
        "alpine": ("alpine",),
        "suse": ("suse", "sles"),
        "rhel": ("rhel", "fedora", "centos"),
    }.items():
        if any(mark in words for mark in marks):
            return family
    return "debian_ubuntu"


def _os_release() -> str:
    """The lines of /etc/os-release that name the family; empty where there is none."""
    try:
        lines = Path("/etc/os-release").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if line.startswith(("ID=", "ID_LIKE=")))
