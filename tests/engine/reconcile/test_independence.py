"""The second pair of eyes is a second one, and only looks."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from engine.phases.reconcile import checks_of
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import Query
from engine.reconcile.picture import SourceWanting
from engine.reconcile.quiet_files import read_below
from engine.reconcile.reading import Database
from engine.reconcile.scan import Listener, Places, reconcile
from protocol.errors import EnvironmentProblem, Interrupted, UsageProblem
from protocol.vocabulary import Check, FindingCode, Verdict
from tests.engine.reconcile.practice import KEY, judged, practice
from tests.engine.reconcile.shots import dicom, grey

FOREIGN = (
    *("engine.model", "engine.orientation", "engine.teeth", "engine.imaging", "engine.source", "engine.target"),
    *("engine.plan", "engine.journal", "engine.phases", "engine.encode", "pydicom", "imagecodecs", "construct"),
)


def test_the_reconciler_loads_nothing_of_the_conversion() -> None:
    script = "import sys, engine.reconcile.scan; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "engine.reconcile.compare" in loaded
    assert [name for name in loaded if name.startswith(FOREIGN)] == []


def test_nothing_is_written_to_source_or_target(tmp_path: Path) -> None:
    places = practice().write(tmp_path / "p")
    before = _content(tmp_path)
    judged(places)
    assert _content(tmp_path) == before


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_stop_between_patients_ends_cleanly_and_leaves_nothing(stop_after: int, tmp_path: Path) -> None:
    places, asked = practice().write(tmp_path / "p"), iter(range(10))

    def checkpoint() -> None:
        if next(asked) == stop_after:
            raise Interrupted("stopped on request")

    with pytest.raises(Interrupted):
        _reconcile(places, checkpoint)
    assert list(places.scratch.iterdir()) == []


def test_the_connections_cannot_write(tmp_path: Path) -> None:
    database = Database(practice().write(tmp_path / "p").target, "target database")
    with pytest.raises(EnvironmentProblem) as refused:
        list(database.rows(Query({"sqlite": "DELETE FROM Image"}, ())))
    assert isinstance(refused.value.__cause__, OperationalError)


def test_a_database_that_is_not_there_is_an_environment_problem(tmp_path: Path) -> None:
    places = practice().write(tmp_path / "p")
    (tmp_path / "p" / "target.db").unlink()
    with pytest.raises(EnvironmentProblem, match="target database"):
        _reconcile(places, lambda: None)


@pytest.mark.parametrize("store", ["source_store", "target_store"])
@pytest.mark.parametrize("after", ["nothing", "an empty folder"])
def test_a_store_that_goes_away_meanwhile_is_no_answer_to_what_it_holds(tmp_path: Path, store: str, after: str) -> None:
    """A share that drops, or a disk that is unmounted and leaves the folder it was mounted at."""
    made = practice()
    made.source["media"] = [row for row in made.source["media"] if row["file_name"] != "gone.dcm"]
    places = made.write(tmp_path / "p")
    root = places.target_store if store == "target_store" else places.source_store[0]

    def goes_away() -> None:
        if not (tmp_path / "away").exists():
            root.rename(tmp_path / "away")
            if after == "an empty folder":
                root.mkdir()

    with pytest.raises(EnvironmentProblem, match="not the one that it was") as problem:
        _reconcile(places, goes_away)
    assert store.replace("_", ".") in str(problem.value) and "run reconcile again" in problem.value.next_step


def test_a_source_file_that_the_system_does_not_even_find_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(SourceWanting, match="disk reports errors") as wanting:
        read_below((tmp_path,), "a.dcm")
    assert wanting.value.code is FindingCode.UNREADABLE_FILE


def test_a_source_query_in_another_order_is_refused(tmp_path: Path) -> None:
    made = practice()
    made.source["study"][0]["patient_id"], made.source["study"][1]["patient_id"] = 5, 3
    places, source = made.write(tmp_path / "p"), load_source("dexis11")
    query = source.entities["study"].query
    spoilt = Query({"sqlite": query.sql["sqlite"].replace("st.patient_id, st.id", "st.id")}, query.columns)
    spoilt_source = dataclasses.replace(
        source, entities={**source.entities, "study": dataclasses.replace(source.entities["study"], query=spoilt)}
    )
    with pytest.raises(UsageProblem, match=r"entities\.study"):
        reconcile(places, spoilt_source, load_target("dexis10"), KEY, 1, _listener(lambda: None))


def test_an_audit_that_leaves_out_a_table_is_refused(tmp_path: Path) -> None:
    target = load_target("dexis10")
    rows = {name: query for name, query in target.audit.rows.items() if name != "ActivityLog"}
    target = dataclasses.replace(target, audit=dataclasses.replace(target.audit, rows=rows))
    with pytest.raises(UsageProblem, match="ActivityLog"):
        reconcile(practice().write(tmp_path / "p"), load_source("dexis11"), target, KEY, 1, _listener(lambda: None))


def test_a_source_row_that_nobody_declares_keeps_the_totals_from_adding_up(tmp_path: Path) -> None:
    made = practice()
    made.source["media"].append({**made.source["media"][0], "id": 77, "deleted": None})
    checks = {check.check: check for check in checks_of(judged(made.write(tmp_path / "p")).result)}
    assert checks[Check.TOTALS_DECLARED].verdict is Verdict.FAIL
    assert checks[Check.TOTALS_DECLARED].expected - checks[Check.TOTALS_DECLARED].actual == 1


def test_a_source_row_that_belongs_to_no_patient_is_declared_and_named(tmp_path: Path) -> None:
    made = practice()
    made.source["media"].append({**made.source["media"][0], "id": 77, "series_id": 12345})
    verdict = judged(made.write(tmp_path / "p"))
    assert (None, FindingCode.ORPHAN_ROW, "77") in {(patient, item.code, item.image) for patient, item in verdict.found}
    assert {check.verdict for check in checks_of(verdict.result)} == {Verdict.PASS}


def test_an_image_converted_though_the_source_cannot_give_it_is_extra(tmp_path: Path) -> None:
    made = practice()
    made.source_files["1.9.3/a.dcm"] = made.source_files["1.9.3/a.dcm"][:-10]
    verdict = judged(made.write(tmp_path / "p"))
    assert FindingCode.ROW_EXTRA in verdict.codes
    assert len(set(verdict.digests)) > 1


def test_an_image_that_nobody_can_read_is_missing_not_declared(tmp_path: Path) -> None:
    made = practice()
    made.source_files["1.9.3/gone.dcm"] = b"something else"
    assert FindingCode.ROW_MISSING in judged(made.write(tmp_path / "p")).codes


def test_a_readable_image_that_was_not_converted_is_missing(tmp_path: Path) -> None:
    made = practice()
    made.source_files["1.9.3/gone.dcm"] = dicom(grey(70))
    verdict = judged(made.write(tmp_path / "p"))
    assert ("3", FindingCode.ROW_MISSING, "21") in {(patient, item.code, item.image) for patient, item in verdict.found}


def test_two_patients_who_share_a_chart_number_are_not_taken_for_each_other(tmp_path: Path) -> None:
    made = practice()
    made.source["patient"].append({**made.source["patient"][1], "id": 10, "family_name": "Petrov"})
    for table in ("Person", "PersonName", "Patient"):
        twin = {**made.row(table, 901), "PersonID": 890}
        made.target[table].insert(0, twin | ({"FamilyName": "Petrov"} if table == "PersonName" else {}))
    assert len(set(judged(made.write(tmp_path / "p")).digests)) == 1


def test_a_stray_file_whose_name_is_no_text_is_told(tmp_path: Path) -> None:
    places = practice().write(tmp_path / "p")
    (Path(os.fsdecode(bytes(places.target_store) + b"/Images/\xff.dex"))).write_bytes(b"")
    strays = [item.place for _, item in judged(places).found if item.code is FindingCode.STRAY_FILE]
    assert strays == ["Images/\\udcff.dex"]


def test_a_link_in_the_store_stands_for_no_image(tmp_path: Path) -> None:
    made = practice()
    places, path = made.write(tmp_path / "p"), made.path(4989)
    (places.target_store / path).rename(tmp_path / "moved.dex")
    (places.target_store / path).symlink_to(tmp_path / "moved.dex")
    assert {FindingCode.FILE_MISSING, FindingCode.STRAY_FILE} <= judged(places).codes


def test_a_database_file_in_the_store_is_no_stray(tmp_path: Path) -> None:
    places = practice().write(tmp_path / "p")
    inside = places.target_store / "DEXIS.db"
    (tmp_path / "p" / "target.db").rename(inside)
    moved = dataclasses.replace(places, target=f"sqlite:///{inside}")
    assert FindingCode.STRAY_FILE not in judged(moved).codes


def test_files_in_a_second_source_root_are_found_and_links_out_of_it_are_not(tmp_path: Path) -> None:
    made = practice()
    data = made.source_files.pop("1.9.3/a.dcm")
    places = made.write(tmp_path / "p")
    second = tmp_path / "second"
    (second / "1.9.3").mkdir(parents=True)
    (second / "1.9.3" / "a.dcm").write_bytes(data)
    both = Places(places.staging, (*places.source_store, second), places.target, places.target_store, places.scratch)
    assert len(set(judged(both).digests)) == 1
    (tmp_path / "outside.dcm").write_bytes(data)
    (second / "1.9.3" / "a.dcm").unlink()
    (second / "1.9.3" / "a.dcm").symlink_to(tmp_path / "outside.dcm")
    assert FindingCode.ROW_EXTRA in judged(both).codes


def test_two_patients_alike_in_everything_are_two(tmp_path: Path) -> None:
    made = practice()
    made.source["patient"].append({**made.source["patient"][2], "id": 10})
    assert FindingCode.PATIENT_MISSING in judged(made.write(tmp_path / "one")).codes
    for table in ("Person", "PersonName", "Patient"):
        made.target[table].append({**made.row(table, 902), "PersonID": 940})
    assert len(set(judged(made.write(tmp_path / "two")).digests)) == 1


def _reconcile(places: Places, checkpoint: object) -> None:
    reconcile(places, load_source("dexis11"), load_target("dexis10"), KEY, 1, _listener(checkpoint))


def _listener(checkpoint: object) -> Listener:
    return Listener(*[lambda *_: None] * 4, checkpoint)


def _content(folder: Path) -> dict[str, tuple[str, int]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}
