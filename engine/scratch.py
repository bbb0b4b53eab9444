"""Where SQLite puts what does not fit into memory: temporary tables and what it sorts, which hold patient data.

Left to itself it takes the system's folder for temporary files, outside of what the practice guards and removes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from protocol.errors import EnvironmentProblem


def keep_scratch_in(folder: Path) -> None:
    """From now on every database of this process spills into `folder`. Raises EnvironmentProblem if it would not.

    PRAGMA temp_store_directory holds for the process and works on Windows too; SQLite calls it deprecated, so it is
    asked whether it was obeyed.
    """
    with closing(sqlite3.connect(":memory:")) as database:
        quoted = str(folder).replace("'", "''")
        with suppress(sqlite3.Error):
            database.execute(f"PRAGMA temp_store_directory = '{quoted}'")
        if database.execute("PRAGMA temp_store_directory").fetchone() != (str(folder),):
            raise EnvironmentProblem(
                "SQLite cannot be told to keep what does not fit into memory in the job's folder",
                where=str(folder),
                next_step="check that this folder may be written to",
            )
