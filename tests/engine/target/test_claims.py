"""A profile that says more of a column than it keeps is found out before the night, and only such a one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql

from engine.profiles.limits import TextLimit, TimeLimit
from engine.profiles.load import load_target
from engine.target.claims import exaggerated

PROFILE = load_target("dexis10")
PLACE = "Study.CreatedDate"


def said(kind: sa.types.TypeEngine[object], *, dialect: str = "mssql", **limits: object) -> list[str]:
    column = sa.Column("CreatedDate", kind)
    profile = replace(PROFILE, text={}, time={})
    profile = replace(profile, **{name: {PLACE: limit} for name, limit in limits.items()})
    return [sentence for _, sentence in exaggerated(profile, dialect, lambda table, name: column)]


def keeps(precision: str) -> TimeLimit:
    return TimeLimit(precision, date(1900, 1, 1), date(2079, 6, 6))


KEPT = [
    (mssql.SMALLDATETIME(), "smalldatetime"),
    (mssql.SMALLDATETIME(), "minute"),
    (sa.DATETIME(), "datetime"),
    (sa.DATETIME(), "second"),
    (sa.DATETIME(), "centisecond"),
    (mssql.DATETIME2(3), "datetime"),
    (mssql.DATETIME2(3), "millisecond"),
    (mssql.DATETIME2(), "microsecond"),
    (postgresql.TIMESTAMP(precision=0), "second"),
    (postgresql.TIMESTAMP(), "microsecond"),
    (sa.DATE(), "day"),
    (sa.DATETIME(), "day"),
    (sa.VARCHAR(30), "second"),
]
LOST = [
    (sa.DATE(), "second"),
    (mssql.SMALLDATETIME(), "second"),
    (sa.DATETIME(), "millisecond"),
    (mssql.DATETIME2(0), "millisecond"),
    (mssql.DATETIME2(3), "microsecond"),
    (mssql.SMALLDATETIME(), "datetime"),
    (postgresql.TIMESTAMP(precision=3), "microsecond"),
]


@pytest.mark.parametrize(("kind", "precision"), KEPT)
def test_a_column_that_keeps_what_the_profile_says_is_no_finding(
    kind: sa.types.TypeEngine[object], precision: str
) -> None:
    assert said(kind, time=keeps(precision)) == []


@pytest.mark.parametrize(("kind", "precision"), LOST)
def test_a_column_that_keeps_less_of_a_time_is_named(kind: sa.types.TypeEngine[object], precision: str) -> None:
    [sentence] = said(kind, time=keeps(precision))
    assert sentence == f"the profile says that it keeps a {precision}, the column keeps less"


@pytest.mark.parametrize(
    ("kind", "zone"), [(mssql.DATETIMEOFFSET(3), None), (mssql.DATETIME2(3), "Europe/Oslo")], ids=["little", "much"]
)
def test_a_zone_too_much_or_too_little_is_not_taken_for_a_time_that_is_kept_less(
    kind: sa.types.TypeEngine[object], zone: str | None
) -> None:
    assert said(kind, time=replace(keeps("second"), zone=zone)) == []


def test_a_column_that_is_narrower_than_the_profile_says_is_named() -> None:
    assert said(sa.NVARCHAR(63), text=TextLimit(64, "unicode")) == [
        "the profile says that it holds 64, the column holds 63"
    ]
    assert said(sa.NVARCHAR(64), text=TextLimit(64, "unicode")) == []
    assert said(sa.NVARCHAR(), text=TextLimit(64, "unicode")) == []


def test_only_sql_servers_varchar_has_a_code_page() -> None:
    assert said(sa.VARCHAR(64), text=TextLimit(64, "unicode")) == [
        "the profile says that it holds every letter, the column has a code page"
    ]
    assert said(sa.VARCHAR(64), text=TextLimit(64, "cp1252")) == []
    assert said(sa.VARCHAR(64), dialect="postgresql", text=TextLimit(64, "unicode")) == []
