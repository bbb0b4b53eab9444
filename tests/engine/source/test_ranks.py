"""Where each patient stands in the database's order, and that a digest alone never decides whose a row is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.events import Finding
from engine.model import PatientRecord
from engine.profiles.load import load_source
from engine.source import ranks
from engine.source.database import SourceDatabase
from engine.source.ranks import NotAKey, Ranks
from engine.source.reader import read_patients
from protocol.vocabulary import FindingCode
from tests.engine.source.practice import ROWS, changed, fill_sqlite

KEYS = [*map(str, range(2_000)), "Ö", "a", "A", " a", ""]


def test_every_key_stands_where_it_came() -> None:
    found = Ranks(iter(KEYS))
    assert [found.of(key) for key in KEYS] == list(range(len(KEYS)))


@pytest.mark.parametrize("stranger", ["2000", "00", "ö", "a ", "\udcff"])
def test_a_key_that_never_came_stands_nowhere(stranger: str) -> None:
    assert Ranks(iter(KEYS)).of(stranger) is None


def test_nobody_stands_nowhere() -> None:
    assert Ranks(()).of("1") is None


@pytest.mark.parametrize("keys", [["1", "2", "1"], ["1", None]])
def test_a_key_that_is_missing_or_comes_twice_is_refused(keys: list[str | None]) -> None:
    with pytest.raises(NotAKey):
        Ranks(keys)


def test_a_stranger_with_a_patients_digest_is_told_and_not_taken_for_the_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the key of a patient who is not there had the digest of the last patient's."""
    whole, true_digest = changed("study", 100, patient_id=4711), ranks._digest
    url = fill_sqlite(tmp_path / "core.db", whole)
    without = read(url)
    monkeypatch.setattr(ranks, "_digest", lambda key: true_digest("14" if key == "4711" else key))
    records, findings = read(url)
    assert records == without[0]
    assert sorted(map(str, findings)) == sorted(map(str, without[1]))
    assert "100" not in {study.key for record in records for study in record.studies}


def test_rows_of_nobody_are_told_even_if_there_is_no_patient_at_all(tmp_path: Path) -> None:
    records, findings = read(fill_sqlite(tmp_path / "core.db", {**ROWS, "patient": []}))
    asked = {str(row[0]) for row in ROWS["media"] if row[2] == "IMAGE" and row[-1] == 0} - {"1006"}
    assert records == []
    assert {finding.image for finding in findings if finding.code is FindingCode.ORPHAN_ROW} >= asked - {"1008"}


def read(url: str) -> tuple[list[PatientRecord], list[Finding]]:
    findings: list[Finding] = []
    profile = load_source("dexis11")
    with SourceDatabase.open(url, profile) as database:
        return list(read_patients(database, profile, findings.append)), findings
