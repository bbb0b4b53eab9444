"""What SQLite cannot hold in memory lies in the job's folder: system calls show where it goes, and that it goes."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.scratch import keep_scratch_in
from protocol.errors import EnvironmentProblem
from tests.engine.tiny import Tiny, TinyPractice
from tests.simulators.system_calls import SystemCall, traced

_SPILLS = {
    "a temporary table of the plan": """
writer = PlanWriter(job.plan_path, PlanHeader("r", "s", "t", dict.fromkeys(ENTITIES, 0), 0))
list(writer.already_there(f"1.2.826.0.1.3680043.{number:040}" for number in range(60_000)))
""",
    "what the plan counts": """
writer = PlanWriter(job.plan_path, PlanHeader("r", "s", "t", dict.fromkeys(ENTITIES, 0), 0))
writer._database.executemany(
    "INSERT INTO image (number, position, source_key, target_key, uid, source_path)"
    " SELECT 1, ?1, '', 1, '', ?2",
    ((number, f"{number:060}") for number in range(60_000)),
)
writer._database.execute("INSERT INTO patient VALUES (1, '', '', 0, 0, 0, 0, 0, 0, '', '', '', '', '', NULL)")
list(writer.case_twins())
""",
    "an index of the reconciliation": """
book = Workbook(job.folder / "seen.sqlite")
book.put_looked((f"{number:060}", {}) for number in range(60_000))
book.index()
""",
    "sorted rows of staging": """
with SourceDatabase.open(job.source.staging, load_source(job.source.profile)) as database:
    columns = "||".join(f"{name}.sop_instance_uid" for name in "abcdef")
    tables = ",".join(f"media {name}" for name in "abcdef")
    next(iter(database.rows(f"SELECT {columns} AS long FROM {tables}, series ORDER BY 1")))
""",
}
_PROGRAM = """
import sys
from pathlib import Path
from engine.compose import held
from engine.job import Job
from engine.plan.values import PlanHeader
from engine.plan.writer import PlanWriter
from engine.profiles.load import load_source
from engine.reconcile.workbook import Workbook
from engine.source.database import SourceDatabase
from engine.target.keys import ENTITIES
job = Job.load(Path(sys.argv[1]))
with held(job):
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return TinyPractice().build(tmp_path / "the practice's")


def _scratch(tiny: Tiny, text: str) -> list[SystemCall]:
    """Every call that makes, or removes, a scratch file of SQLite's."""
    program = tiny.folder.parent / "program.py"
    program.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    calls = traced([sys.executable, program, tiny.folder], tiny.folder.parent / "traces", environment)
    return [call for call in calls if call.changes and call.paths[0].name.startswith("etilqs")]


@pytest.mark.parametrize("what", _SPILLS)
def test_what_does_not_fit_into_memory_lies_in_the_jobs_folder(tiny: Tiny, what: str) -> None:
    body = "".join(f"    {line}\n" for line in _SPILLS[what].splitlines())
    calls = _scratch(tiny, _PROGRAM + body)
    assert calls, "nothing was spilt: the test sees nothing"
    assert {path.parent for call in calls for path in call.paths} == {tiny.folder}
    assert not list(tiny.folder.glob("etilqs*"))


def test_a_look_at_the_source_that_holds_no_job_spills_there_too(tiny: Tiny, tmp_path: Path) -> None:
    keep_scratch_in(tmp_path)
    with pytest.raises(SystemExit):
        main(["--job", str(tiny.folder), "source-check"])
    with closing(sqlite3.connect(":memory:")) as database:
        assert database.execute("PRAGMA temp_store_directory").fetchone() == (str(tiny.folder),)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="SQLite"):
        keep_scratch_in(tmp_path / "not there")
    keep_scratch_in(tmp_path)
