"""A target column that keeps moments of the world is filled by the zone that the profile states, on any machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.phases import convert, dry_run, reconcile
from engine.profiles.limits import TimeLimit
from engine.profiles.load import load_target
from engine.target.limits import fitted, noted
from engine.target.notice import Notice
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode, Phase
from tests.engine.profiles.test_target_abilities import failed, practice, profile_with
from tests.engine.tiny import Tiny, run_phase
from tests.simulators.postgresql import run_sql

LINE = '"Image.AcquiredDate"        = { precision = "second", earliest = 1753-01-01, latest = 9999-12-31 }'
IN_OSLO = {LINE: LINE.replace(" }", ', zone = "Europe/Oslo" }')}


@pytest.fixture(params=["Asia/Tokyo", "America/New_York"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine whose clock is set to a zone that has nothing to do with the practice's."""
    monkeypatch.setenv("TZ", request.param)
    monkeypatch.setenv("PGTZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def zoned(folder: Path, new_database: Callable[[], str], changes: dict[str, str]) -> Tiny:
    """The tiny practice before a target whose Image.AcquiredDate keeps moments of the world."""
    tiny = practice(folder, changes, target=new_database())
    run_sql(tiny.target, "ALTER TABLE Image ALTER AcquiredDate TYPE TIMESTAMPTZ")
    return tiny


def moments(tiny: Tiny) -> set[str]:
    """What stands in the target, told in UTC by the server itself."""
    engine = sa.create_engine(tiny.target)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT CAST(AcquiredDate AT TIME ZONE 'UTC' AS TEXT) FROM Image"))
        told = {str(row[0]) for row in found if row[0] is not None}
    engine.dispose()
    return told


def test_the_same_moments_stand_in_the_target_whatever_this_machine_s_zone(
    tmp_path: Path, new_database: Callable[[], str], machine: str
) -> None:
    tiny = zoned(tmp_path / machine.replace("/", "-"), new_database, IN_OSLO)
    planned, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert failed(planned) == set()
    assert FindingCode.SCHEMA_DRIFT not in told.codes()
    run_phase(convert.run, Phase.CONVERT, tiny)
    assert moments(tiny) == {f"2019-03-04 09:30:{second:02}" for second in (1, 2, 3, 5, 6)}
    reconciled, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert (failed(reconciled), told.findings) == (set(), [])


def test_a_zone_that_is_not_stated_is_a_finding_and_never_a_guess(
    tmp_path: Path, new_database: Callable[[], str]
) -> None:
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, zoned(tmp_path / "x", new_database, {}))
    [finding] = [finding for finding in told.findings if finding.code is FindingCode.SCHEMA_DRIFT]
    assert finding.place == "Image.AcquiredDate"
    assert "add zone" in str(finding.detail) or "write zone" in str(finding.detail)


def test_a_zone_for_a_column_that_keeps_none_is_a_finding(tmp_path: Path) -> None:
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, practice(tmp_path / "x", IN_OSLO))
    [finding] = [finding for finding in told.findings if finding.code is FindingCode.SCHEMA_DRIFT]
    assert finding.detail == "image.acquired_at has a time zone, and the column keeps none; leave zone out of [time]"


@pytest.mark.parametrize(
    ("local", "zone", "moment", "codes"),
    [
        ("2019-03-04T10:30:31", "Europe/Oslo", "2019-03-04T10:30:31+01:00", []),
        ("2019-07-04T10:30:31", "Europe/Oslo", "2019-07-04T10:30:31+02:00", []),
        ("2019-07-04T10:30:31", "UTC", "2019-07-04T10:30:31+00:00", []),
        ("2019-03-31T02:30:00", "Europe/Oslo", "2019-03-31T02:30:00+01:00", [FindingCode.DATE_OUT_OF_RANGE]),
        ("2019-10-27T02:30:00", "Europe/Oslo", "2019-10-27T02:30:00+02:00", [FindingCode.DATE_PRECISION_LOST]),
        ("2019-11-03T01:59:59", "America/New_York", "2019-11-03T01:59:59-04:00", [FindingCode.DATE_PRECISION_LOST]),
    ],
)
def test_a_time_that_never_was_or_was_twice_is_told(
    local: str, zone: str, moment: str, codes: list[FindingCode]
) -> None:
    place = "Image.AcquiredDate"
    profile = replace(load_target("dexis10"), time={place: TimeLimit("second", date.min, date.max, zone)})
    found: list[Notice] = []
    kept = fitted(profile, place, "x", datetime.fromisoformat(local), noted(found, None, place))
    assert isinstance(kept, datetime)
    assert (kept.isoformat(), [notice.code for notice in found]) == (moment, codes)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (', zone = "Europe/Olso" }', r"time.Image.AcquiredDate.zone is 'Europe/Olso'.*did you mean Europe/Oslo\?"),
        (', zone = "" }', "zone is empty"),
        (", zone = 1 }", "zone must be a text"),
    ],
)
def test_a_zone_that_is_none_is_told_at_its_line(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "target.toml").write_text(profile_with({LINE: LINE.replace(" }", line)}), encoding="utf-8")
    with pytest.raises(UsageProblem, match=sentence):
        load_target(tmp_path / "target.toml")


def test_a_type_that_never_keeps_a_zone_has_none(tmp_path: Path) -> None:
    line = IN_OSLO[LINE].replace('"second"', '"datetime"')
    (tmp_path / "target.toml").write_text(profile_with({LINE: line}), encoding="utf-8")
    with pytest.raises(UsageProblem, match="a datetime column keeps no time zone"):
        load_target(tmp_path / "target.toml")
