# ruff: noqa: DTZ001 - the record holds the practice's local times, without a zone
"""Whole patients out of staging: the same on SQLite and PostgreSQL; whatever is not understood is told and left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from engine.events import Finding
from engine.model import Category, PatientRecord, Sex
from engine.orientation import Orientation
from engine.profiles.load import load_source
from engine.profiles.schema import Entity, Query, SourceProfile
from engine.source.database import SourceDatabase
from engine.source.reader import read_patients
from engine.teeth import Tooth
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode, Phase
from tests.engine.source.practice import ROWS, Rows, changed, fill_postgresql, fill_sqlite
from tests.engine.source.practice import fill as filled

PROFILE = load_source("dexis11")
Read = tuple[list[PatientRecord], list[Finding]]
Fill = Callable[[Rows], str]


def read(url: str, profile: SourceProfile = PROFILE) -> Read:
    findings: list[Finding] = []
    with SourceDatabase.open(url, profile) as database:
        return list(read_patients(database, profile, findings.append)), findings


@pytest.fixture
def fill(empty_database: str) -> Fill:
    """Makes a database with rows, in each of the systems."""
    return lambda rows: filled(empty_database, rows)


def test_both_databases_give_equal_records_and_findings(tmp_path: Path, new_database: Callable[[], str]) -> None:
    from_sqlite = read(fill_sqlite(tmp_path / "core.db"))
    from_postgresql = read(fill_postgresql(new_database()))
    assert from_sqlite[0] == from_postgresql[0]
    assert sorted(map(str, from_sqlite[1])) == sorted(map(str, from_postgresql[1]))


def test_a_patient_comes_whole_and_letter_for_letter(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    record = next(record for record in records if record.patient.key == "10")
    patient = record.patient
    assert (patient.family_name, patient.given_name, patient.middle_name) == ("Ødegård", "Åse", None)
    assert (patient.sex, patient.birth_date, patient.chart_number) == (Sex.FEMALE, date(1950, 2, 28), "00042")
    assert [study.started_at for study in record.studies] == [datetime(2024, 5, 6, 7, 8, 9)]
    assert [(series.key, series.study_key) for series in record.series] == [("200", "100")]
    assert [image.key for image in record.images] == ["999", "1000"]
    assert [device.serial_number for device in record.devices] == ["0001"]


def test_an_image_carries_every_field_of_its_row(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    image = next(image for record in records for image in record.images if image.key == "1000")
    assert (image.uid, image.file, image.number, image.device_key) == ("1.3.1000", "1.2.100/a.dcm", 1, "1")
    assert (image.category, image.orientation) == (Category.INTRAORAL_XRAY, Orientation(3, True))
    assert image.teeth == (Tooth(1, 1), Tooth(4, 8))
    assert image.acquired_at == datetime(2024, 5, 6, 7, 8, 9, 123456)


def test_patients_come_in_the_databases_own_order(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    assert [record.patient.key for record in records] == ["9", "10", "11", "14"]


def test_empty_stays_empty_and_missing_stays_missing(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    by_key = {record.patient.key: record for record in records}
    assert (by_key["9"].patient.middle_name, by_key["10"].patient.middle_name) == ("", None)
    assert (by_key["11"].patient.sex, by_key["11"].patient.birth_date, by_key["11"].patient.chart_number) == (None,) * 3
    image = by_key["9"].images[0]
    assert (image.number, image.orientation, image.teeth) == (0, Orientation(), ())


def test_a_windows_path_becomes_a_path_of_the_store(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    assert [image.file for record in records for image in record.images if image.key == "999"] == ["1.2.100/sub/b.dcm"]


def test_a_patient_without_images_still_comes(fill: Fill) -> None:
    records, _ = read(fill(ROWS))
    assert [(record.studies, record.images) for record in records if record.patient.key == "14"] == [((), ())]


@pytest.mark.parametrize(
    ("image", "code"),
    {
        "1002": FindingCode.UNKNOWN_CODE,  # a category that the profile does not map
        "1003": FindingCode.UNKNOWN_CODE,  # turned by 45 degrees
        "1004": FindingCode.UNKNOWN_CODE,  # there is no tooth 19 in FDI
        "1005": FindingCode.MISSING_FILE,  # no file name
        "1007": FindingCode.ORPHAN_ROW,  # its study's patient is not there
        "1008": FindingCode.ORPHAN_ROW,  # its series is not there
        "1011": FindingCode.UNKNOWN_CODE,  # its patient's sex is not understood
    }.items(),
)
def test_what_is_not_understood_makes_one_finding_and_no_image(fill: Fill, image: str, code: FindingCode) -> None:
    records, findings = read(fill(ROWS))
    assert [finding.code for finding in findings if finding.image == image] == [code]
    assert image not in {one.key for record in records for one in record.images}


def test_every_image_is_either_read_or_found_wanting(fill: Fill) -> None:
    records, findings = read(fill(ROWS))
    read_keys = [image.key for record in records for image in record.images]
    wanting = [finding.image for finding in findings if finding.image is not None]
    asked = {str(row[0]) for row in ROWS["media"] if row[2] == "IMAGE" and row[-1] == 0} - {"1006"}
    assert sorted(read_keys + wanting) == sorted(asked)


def test_a_patient_that_is_not_understood_is_left_out_whole_and_named(fill: Fill) -> None:
    records, findings = read(fill(ROWS))
    assert "13" not in {record.patient.key for record in records}
    about = [(finding.code, finding.image) for finding in findings if finding.patient == "13"]
    assert about == [(FindingCode.UNKNOWN_CODE, None), (FindingCode.UNKNOWN_CODE, "1011")]


@pytest.mark.parametrize("day", ["1990-02-30", "31.12.1990", "0000-00-00", "1990-01-01 12:00:00", "19900101"])
def test_an_odd_day_is_a_finding_and_never_another_day(tmp_path: Path, day: str) -> None:
    records, findings = read(fill_sqlite(tmp_path / "core.db", changed("patient", 14, dob=day)))
    assert "14" not in {record.patient.key for record in records}
    assert [finding.code for finding in findings if finding.patient == "14"] == [FindingCode.DATE_OUT_OF_RANGE]


@pytest.mark.parametrize("day", ["infinity", "0044-03-15 BC", "12000-01-01"])
def test_a_day_that_only_postgresql_can_hold_is_a_finding_too(new_database: Callable[[], str], day: str) -> None:
    records, findings = read(fill_postgresql(new_database(), changed("patient", 14, dob=day)))
    assert "14" not in {record.patient.key for record in records}
    assert [finding.code for finding in findings if finding.patient == "14"] == [FindingCode.DATE_OUT_OF_RANGE]


def test_findings_say_in_which_phase_they_were_made(tmp_path: Path) -> None:
    findings: list[Finding] = []
    with SourceDatabase.open(fill_sqlite(tmp_path / "core.db"), PROFILE) as database:
        list(read_patients(database, PROFILE, findings.append, phase=Phase.PROVE))
    assert {finding.phase for finding in findings} == {Phase.PROVE}


def with_query(entity: str, sql: str) -> SourceProfile:
    query = Query(dict.fromkeys(("sqlite", "postgresql"), sql), PROFILE.entities[entity].query.columns)
    return replace(PROFILE, entities={**PROFILE.entities, entity: Entity(query)})


@pytest.mark.parametrize(
    ("entity", "old", "new"),
    [
        ("image", "ORDER BY st.patient_id, m.id", "ORDER BY st.patient_id DESC, m.id"),
        ("image", "ORDER BY st.patient_id, m.id", "ORDER BY m.id"),
        ("patient", "FROM patient AS p", "FROM patient AS p, device"),
    ],
)
def test_a_query_that_breaks_the_merge_is_an_error_and_loses_nothing_silently(
    tmp_path: Path, entity: str, old: str, new: str
) -> None:
    text = PROFILE.entities[entity].query.for_dialect("sqlite")
    assert old in text
    with pytest.raises(EnvironmentProblem, match=f"the query of {entity}"):
        read(fill_sqlite(tmp_path / "core.db"), with_query(entity, text.replace(old, new)))


def test_a_practice_without_patients_gives_nothing(fill: Fill) -> None:
    assert read(fill({**{name: [] for name in ROWS}, "device": ROWS["device"]})) == ([], [])


def test_an_image_whose_series_is_not_its_patients_is_an_orphan(tmp_path: Path) -> None:
    text = PROFILE.entities["series"].query.for_dialect("sqlite")
    fewer = with_query(
        "series", text.replace("WHERE ", "WHERE se.id <> 200 AND (", 1).replace("ORDER BY", ") ORDER BY")
    )
    records, findings = read(fill_sqlite(tmp_path / "core.db"), fewer)
    assert [(finding.code, finding.image) for finding in findings if finding.patient == "10"] == [
        (FindingCode.ORPHAN_ROW, "999"),
        (FindingCode.ORPHAN_ROW, "1000"),
    ]
    assert [record.images for record in records if record.patient.key == "10"] == [()]
