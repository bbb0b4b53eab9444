"""A worker starts in every phase, as often as there are cores: what it has no use for it does not load."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("sqlalchemy", "sqlglot", "psycopg", "pyodbc")
_LOADED = f"import sys, engine.target.workshop; print(*(name for name in {_HEAVY!r} if name in sys.modules))"


def test_a_worker_of_the_conversion_loads_no_database_library() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
