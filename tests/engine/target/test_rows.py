"""Rows: table by table in the profile's order, keys planned, nothing for images that are not converted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Category, Device, Image, Patient, PatientRecord, Series, Sex, Study
from engine.orientation import ALL, Orientation
from engine.profiles.load import load_target
from engine.target.keys import ENTITIES, Allotment
from engine.target.rows import map_record, rows_digest
from engine.target.scope import ImageFacts
from engine.teeth import Tooth
from protocol.vocabulary import FindingCode

PROFILE = load_target("dexis10")
WHEN = datetime.fromisoformat("2019-03-04T10:30:01")
FACTS = {key: ImageFacts(f"Images/{key}.dex", key.encode()) for key in ("i1", "i2")}


def _image(key: str, series: str, **changed: object) -> Image:
    image = Image(
        key=key,
        series_key=series,
        patient_key="p",
        uid=f"1.2.{key}",
        file=key,
        acquired_at=WHEN,
        category=Category.PANORAMIC,
        orientation=Orientation(),
        teeth=(Tooth(3, 6),),
        device_key="d",
        number=4,
    )
    return replace(image, **changed)  # type: ignore[arg-type]


RECORD = PatientRecord(
    Patient("p", "Ödegård", "Ana", None, Sex.FEMALE, date(1971, 5, 1), "000123"),
    (Study("st1", "p", "1.2", "Check-up", WHEN), Study("st2", "p", "1.3", None, None)),
    (Series("s1", "st1", "p", "1.2.9", None), Series("s2", "st2", "p", "1.3.9", "Recall")),
    (_image("i1", "s1"), _image("i2", "s2", device_key=None, acquired_at=None, teeth=())),
    (Device("d", "DEXIS", "Platinum", "PL-1"),),
)
KEYS = Allotment({"patient": 10, "study": 20, "series": 30, "image": 40}).allot(RECORD)


def _rows(record: PatientRecord = RECORD) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for row in map_record(record, KEYS, FACTS, PROFILE).rows:
        found.setdefault(row.table, []).append(dict(row.values))
    return found


def test_tables_come_in_the_profiles_order_so_that_parents_stand_before_children() -> None:
    assert list(_rows()) == [rule.table for rule in PROFILE.insert]


def test_every_row_points_to_its_parents_planned_key() -> None:
    rows = _rows()
    assert [row["PersonID"] for row in rows["Person"]] == [11]
    assert [(row["StudyRecordID"], row["PatientID"]) for row in rows["Study"]] == [(21, 11), (22, 11)]
    assert [(row["SeriesID"], row["StudyRecordID"]) for row in rows["Series"]] == [(31, 21), (32, 22)]
    assert [(row["VisualID"], row["SeriesID"]) for row in rows["Visual"]] == [(41, 31), (42, 32)]
    assert [row["ItemID"] for row in rows["ActivityLog"]] == [41, 42]


def test_fields_of_the_record_stand_in_their_columns() -> None:
    rows = _rows()
    assert rows["Patient"] == [{"PersonID": 11, "ExternalID": "000123", "DateOfBirth": date(1971, 5, 1), "Sex": "F"}]
    assert [row["Name"] for row in rows["Series"]] == ["Default Series", "Recall"]
    first, second = rows["Image"]
    assert first["SecurityHash"] == b"i1"
    assert (first["DeviceMake"], first["DeviceModel"], first["DeviceSerial"]) == ("DEXIS", "Platinum", "PL-1")
    assert (second["DeviceMake"], second["AcquiredDate"]) == (None, None)
    assert [row["Teeth"] for row in rows["Visual"]] == ["teeth=306", None]
    assert [row["Filename"] for row in rows["ActivityLog"]] == ["Images/i1.dex", "Images/i2.dex"]


def test_an_image_that_is_not_converted_has_no_row_and_moves_no_other_key() -> None:
    mapped = map_record(RECORD, KEYS, {"i2": FACTS["i2"]}, PROFILE)
    assert [row.values["VisualID"] for row in mapped.rows if row.table == "Visual"] == [42]
    assert sum(row.table == "Series" for row in mapped.rows) == 2


def test_a_code_without_a_word_in_the_target_is_found_and_never_defaulted() -> None:
    codes = {**PROFILE.codes, "sex": {"male": "M"}}
    mapped = map_record(RECORD, KEYS, FACTS, replace(PROFILE, codes=codes))
    assert [notice.code for notice in mapped.notices] == [FindingCode.UNKNOWN_CODE]


def test_one_loss_in_two_tables_is_one_notice() -> None:
    late = replace(RECORD, images=(_image("i1", "s1", acquired_at=WHEN.replace(microsecond=5)),))
    assert [notice.code for notice in map_record(late, KEYS, FACTS, PROFILE).notices] == [
        FindingCode.DATE_PRECISION_LOST
    ]


@pytest.mark.parametrize("orientation", ALL)
def test_every_orientation_is_written_as_two_numbers(orientation: Orientation) -> None:
    record = replace(RECORD, images=(_image("i1", "s1", orientation=orientation),))
    settings = str(_rows(record)["Visual"][0]["Settings"])
    assert settings in {f"Turn={turn}&Flip={flip}" for turn in range(4) for flip in range(2)}


def test_all_eight_orientations_are_written_differently() -> None:
    records = [replace(RECORD, images=(_image("i1", "s1", orientation=one),)) for one in ALL]
    assert len({str(_rows(record)["Visual"][0]["Settings"]) for record in records}) == 8


def test_the_digest_of_rows_tells_any_two_apart() -> None:
    rows = map_record(RECORD, KEYS, FACTS, PROFILE).rows
    changed = replace(RECORD, patient=replace(RECORD.patient, chart_number="00123"))
    digests = {
        rows_digest(rows),
        rows_digest(rows[::-1]),
        rows_digest(rows[1:]),
        rows_digest(map_record(changed, KEYS, FACTS, PROFILE).rows),
    }
    assert len(digests) == 4


@given(st.lists(st.tuples(*(st.integers(0, 4) for _ in range(3))), max_size=20), st.integers(0, 10**9))
def test_keys_are_consecutive_above_the_baseline_and_never_given_twice(
    sizes: list[tuple[int, int, int]], base: int
) -> None:
    allotment = Allotment(dict.fromkeys(ENTITIES, base))
    given_out: dict[str, list[int]] = {entity: [] for entity in ENTITIES}
    for number, (studies, series, images) in enumerate(sizes):
        record = PatientRecord(
            replace(RECORD.patient, key=f"p{number}"),
            tuple(replace(RECORD.studies[0], key=str(n)) for n in range(studies)),
            tuple(replace(RECORD.series[0], key=str(n)) for n in range(series)),
            tuple(_image(str(n), "0") for n in range(images)),
            (),
        )
        keys = allotment.allot(record)
        for entity in ENTITIES:
            given_out[entity] += keys.of(entity).values()
    for found in given_out.values():
        assert found == list(range(base + 1, base + 1 + len(found)))
