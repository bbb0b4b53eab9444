"""A value that a column would refuse or change is found out by the column's type, before anything is written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql

from engine.profiles.limits import TextLimit
from engine.target.fit import Holder

MIDNIGHT, LATE = datetime(2019, 3, 4), datetime(2019, 3, 4, 10, 30, 1, 123456)  # noqa: DTZ001 - local times
IN_OSLO = LATE.replace(tzinfo=timezone(timedelta(hours=1)))
OLD_DUBLIN = LATE.replace(tzinfo=timezone(timedelta(minutes=-25, seconds=-21)))
HASH = bytes.fromhex("ff" * 16)
LOST = TextLimit(8, "unicode", trailing_spaces="lost")
PAGE = TextLimit(4, "cp932")

HELD: list[tuple[str, Any, object]] = [
    ("sqlite", sa.types.NullType(), b"anything"),
    ("postgresql", sa.INTEGER(), -(1 << 31)),
    ("sqlite", sa.INTEGER(), 1 << 62),
    ("postgresql", sa.BIGINT(), 1 << 62),
    ("mssql", mssql.TINYINT(), 255),
    ("mssql", mssql.BIT(), 1),
    ("postgresql", sa.NUMERIC(5, 2), 999),
    ("postgresql", sa.NUMERIC(), 10**30),
    ("mssql", mssql.MONEY(), 12),
    ("postgresql", sa.REAL(), 1 << 24),
    ("postgresql", sa.VARCHAR(4), "🦷🦷🦷🦷"),
    ("mssql", sa.NVARCHAR(4), "🦷🦷"),
    ("mssql", sa.NVARCHAR(), "x" * 9_999),
    ("postgresql", sa.TEXT(), "x" * 9_999),
    ("postgresql", sa.VARCHAR(32), HASH),
    ("postgresql", sa.VARCHAR(2), 36),
    ("postgresql", sa.CHAR(1), "F"),
    ("sqlite", sa.CHAR(4), "F"),
    ("postgresql", postgresql.ENUM("F", "M", name="sex"), "F"),
    ("mssql", sa.VARBINARY(16), HASH),
    ("mssql", sa.BINARY(16), HASH),
    ("postgresql", postgresql.BYTEA(), HASH),
    ("postgresql", sa.UUID(), "e4f01b07-0001-4000-8000-00000000000a"),
    ("postgresql", sa.DATE(), date(2019, 3, 4)),
    ("postgresql", sa.DATE(), MIDNIGHT),
    ("postgresql", postgresql.TIMESTAMP(), LATE),
    ("postgresql", postgresql.TIMESTAMP(), date(2019, 3, 4)),
    ("postgresql", postgresql.TIMESTAMP(timezone=True), IN_OSLO),
    ("mssql", mssql.DATETIMEOFFSET(7), IN_OSLO),
    ("mssql", mssql.DATETIME2(7), datetime(1, 1, 1)),  # noqa: DTZ001
    ("mssql", sa.DATETIME(), datetime(1753, 1, 1)),  # noqa: DTZ001
]
REFUSED: dict[str, tuple[str, Any, object, str]] = {
    "nothing": ("postgresql", sa.INTEGER(), None, r"NOT NULL; write default\("),
    "number too large": ("postgresql", sa.INTEGER(), 1 << 31, "beyond the column's numbers, -2147483648 to 2147483647"),
    "small number": ("mssql", sa.SMALLINT(), 40_000, "beyond"),
    "tiny number": ("mssql", mssql.TINYINT(), -1, "0 to 255"),
    "text as number": ("sqlite", sa.INTEGER(), "36", r"is a text, and the column holds numbers; write integer\("),
    "hash as number": ("mssql", sa.BIGINT(), HASH, r"is a hash as bytes.*write number\("),
    "day as number": ("mssql", sa.INTEGER(), date(2019, 3, 4), r"is a day or time.*write year\("),
    "no truth": ("mssql", mssql.BIT(), 2, "neither 0 nor 1"),
    "text as truth": ("postgresql", sa.BOOLEAN(), "F", "neither 0 nor 1"),
    "decimals": ("postgresql", sa.NUMERIC(5, 2), Decimal(1000), "more digits than the column's 3"),
    "floating": ("postgresql", sa.REAL(), (1 << 24) + 1, "more digits than a floating point column"),
    "long text": ("postgresql", sa.VARCHAR(4), "12345", "is 5 long, and the column holds 4"),
    "long beyond the BMP": ("mssql", sa.NVARCHAR(3), "🦷🦷", "is 4 long"),
    "long in a code page": ("mssql", sa.VARCHAR(4), "歯医者", "is 6 long, and the column holds 4"),
    "hash too long": ("postgresql", sa.VARCHAR(31), HASH, "is 32 long"),
    "unknown code page": ("mssql", sa.VARCHAR(8), "Å", "does not say the column's code page"),
    "NUL": ("postgresql", sa.TEXT(), "a\0b", "holds a NUL"),
    "padded": ("postgresql", sa.CHAR(4), "F", 'trailing_spaces = "lost"'),
    "padded to one letter": ("postgresql", sa.CHAR(), "", 'trailing_spaces = "lost"'),
    "no such word": ("postgresql", postgresql.ENUM("F", "M", name="sex"), "X", "none of the column's words, F, M"),
    "text as bytes": ("mssql", sa.VARBINARY(32), "ff" * 16, r"is a text, and the column holds bytes.*integrity\(\)"),
    "hash too wide": ("mssql", sa.VARBINARY(8), HASH, "has 16 bytes, and the column holds 8"),
    "filled with zeros": ("mssql", sa.BINARY(20), HASH, "fills up to 20"),
    "no UUID": ("postgresql", sa.UUID(), "1.2.826.1", "is no UUID"),
    "another UUID's letters": ("mssql", mssql.UNIQUEIDENTIFIER(), "E4F01B07-0001-4000-8000-00000000000A", "lower"),
    "time as day": ("postgresql", sa.DATE(), LATE, r"is a time, and the column keeps days; write date\("),
    "time with a zone as day": ("postgresql", sa.DATE(), MIDNIGHT.replace(tzinfo=UTC), "the column keeps days"),
    "text as day": ("postgresql", sa.DATE(), "2019-03-04", "is a text, and the column holds days"),
    "text as time": ("mssql", sa.DATETIME(), "2019-03-04", "is a text, and the column holds times"),
    "coarse": ("mssql", mssql.DATETIME2(0), LATE, "keeps less of a time"),
    "coarse with a zone": ("postgresql", postgresql.TIMESTAMP(timezone=True, precision=3), IN_OSLO, "keeps less"),
    "before SQL Server's calendar": ("mssql", sa.DATETIME(), datetime(1752, 12, 31), "before 1753-01-01"),  # noqa: DTZ001
    "after smalldatetime's": ("mssql", mssql.SMALLDATETIME(), datetime(2079, 6, 7), "after 2079-06-06"),  # noqa: DTZ001
    "no zone": ("postgresql", postgresql.TIMESTAMP(timezone=True), LATE, "has no time zone, and the column keeps one"),
    "no zone on SQL Server": ("mssql", mssql.DATETIMEOFFSET(7), LATE, "has no time zone"),
    "a zone": ("postgresql", postgresql.TIMESTAMP(), LATE.replace(tzinfo=UTC), "the column keeps none"),
    "seconds from UTC": ("mssql", mssql.DATETIMEOFFSET(7), OLD_DUBLIN, "the column keeps minutes"),
    "made by the server": ("mssql", mssql.ROWVERSION(), b"12345678", "leave the column out"),
    "another type": ("postgresql", sa.TIME(), LATE, "nothing can be written into a column of type TIME"),
    "JSON": ("postgresql", postgresql.JSON(), "Ødegård", "nothing can be written"),
}


@pytest.mark.parametrize(("dialect", "kind", "value"), HELD)
def test_a_value_that_comes_back_as_it_was_is_none_to_speak_of(dialect: str, kind: Any, value: object) -> None:
    assert Holder(kind, dialect).misfit(value) is None


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_value_that_a_server_would_refuse_or_change_is_told_with_what_to_write(
    case: tuple[str, Any, object, str],
) -> None:
    dialect, kind, value, sentence = case
    text = PAGE if "歯" in str(value) else None
    told = Holder(kind, dialect, is_nullable=False, text=text).misfit(value)
    assert told is not None
    assert not isinstance(value, str) or len(value) < 3 or value not in told
    assert re.search(sentence, told), told


def test_a_column_said_to_lose_blanks_may_fill_up_with_them() -> None:
    assert Holder(sa.CHAR(8), "postgresql", text=LOST).misfit("F") is None
    assert Holder(sa.NCHAR(8), "mssql", text=LOST).misfit("F") is None
