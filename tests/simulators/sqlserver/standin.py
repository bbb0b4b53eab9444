"""Starts the stand-in for a session of tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from engine.sqlserver.address import PASSWORD_VARIABLE
from tests.simulators.postgresql import libpq
from tests.simulators.sqlserver.storage.store import PASSWORD

_ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def standin_url(driver_manager: None, postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the stand-in's database `master`."""
    folder = tmp_path_factory.mktemp("standin")
    command = [sys.executable, "-m", "tests.simulators.sqlserver.server", libpq(postgresql_url), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(PASSWORD_VARIABLE, PASSWORD)  # job.toml must hold none
                yield f"mssql+pyodbc://sa@127.0.0.1:{port}/master?Encrypt=no"
        finally:
            process.kill()
