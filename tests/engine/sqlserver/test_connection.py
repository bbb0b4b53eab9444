"""Every session is prepared alike, reads one state of the data, and understands the types that pyodbc lacks."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

import pytest
import sqlglot
from sqlglot import exp

from engine.identifiers import CASE_QUESTION, Matching
from engine.sqlserver.connection import PREPARED, SNAPSHOT_QUESTION, datetimeoffset, reading_isolation, variant


def test_reading_sees_one_state_of_the_data_where_the_database_offers_that() -> None:
    assert reading_isolation(1) == "SNAPSHOT"


@pytest.mark.parametrize("state", [0, 2, 3])
def test_reading_never_holds_up_anybody_elses_work(state: int) -> None:
    assert reading_isolation(state) == "READ COMMITTED"


def test_a_time_with_a_zone_is_unpacked() -> None:
    packed = struct.pack("<6hI2h", 2024, 5, 6, 7, 8, 9, 123_456_700, -3, -30)
    zone = timezone(-timedelta(hours=3, minutes=30))
    assert datetimeoffset(packed) == datetime(2024, 5, 6, 7, 8, 9, 123_456, zone)
    assert datetimeoffset(None) is None


def test_a_variant_is_its_text() -> None:
    assert variant("10.1 Ø".encode("utf-16-le")) == "10.1 Ø"
    assert variant(None) is None


@pytest.mark.parametrize("text", [SNAPSHOT_QUESTION, CASE_QUESTION])
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
