"""Every session is prepared alike, reads one state of the data, and understands the types that pyodbc lacks."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

import pytest
import sqlglot
from sqlglot import exp

from engine.identifiers import CASE_QUESTION, Matching
from engine.sqlserver.connection import CAPABILITIES, PREPARED, datetimeoffset, reading_isolation, variant


@pytest.mark.parametrize(
    ("snapshot", "read_only", "level"),
    [(1, False, "SNAPSHOT"), (1, True, "SNAPSHOT"), (0, True, "READ COMMITTED"), (0, False, "SERIALIZABLE")],
)
def test_reading_sees_one_state_of_the_data(snapshot: int, read_only: bool, level: str) -> None:
    assert reading_isolation(snapshot, read_only) == level


@pytest.mark.parametrize("state", [2, 3])
def test_a_snapshot_isolation_that_is_still_changing_is_not_used(state: int) -> None:
    assert reading_isolation(state, False) == "SERIALIZABLE"


def test_a_time_with_a_zone_is_unpacked() -> None:
    packed = struct.pack("<6hI2h", 2024, 5, 6, 7, 8, 9, 123_456_700, -3, -30)
    zone = timezone(-timedelta(hours=3, minutes=30))
    assert datetimeoffset(packed) == datetime(2024, 5, 6, 7, 8, 9, 123_456, zone)
    assert datetimeoffset(None) is None


def test_a_variant_is_its_text() -> None:
    assert variant("10.1 Ø".encode("utf-16-le")) == "10.1 Ø"
    assert variant(None) is None


@pytest.mark.parametrize("text", [CAPABILITIES, CASE_QUESTION])
def test_what_we_ask_the_server_of_itself_is_t_sql(text: str) -> None:
    assert isinstance(sqlglot.parse_one(text, read="tsql"), exp.Select)


@pytest.mark.parametrize("text", PREPARED)
def test_every_setting_of_a_session_is_t_sql(text: str) -> None:
    assert sqlglot.parse_one(text, read="tsql").key == "set"


@pytest.mark.parametrize(
    ("matching", "wanted", "live", "found"),
    [
        (Matching("mssql"), "Person", ["PERSON", "PersonName"], "PERSON"),
        (Matching("mssql", exact=True), "Person", ["PERSON", "person"], None),
        (Matching("mssql", exact=True), "Person", ["PERSON", "Person"], "Person"),
        (Matching("postgresql"), "Person", ["Person", "person"], "person"),
        (Matching("postgresql"), "Person", ["Person"], "Person"),
        (Matching("postgresql"), "Person", ["PERSON"], None),
        (Matching("sqlite"), "Person", ["pErSoN"], "pErSoN"),
        (Matching("sqlite"), "Person", [], None),
    ],
)
def test_names_are_compared_as_the_server_compares_them(
    matching: Matching, wanted: str, live: list[str], found: str | None
) -> None:
    assert matching.find(wanted, live) == found
