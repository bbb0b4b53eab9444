"""What is predicted for the night: its end, the nights it takes, and the room on every volume that grows."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from engine.cli.outlook import lines
from engine.running.forecast import MIB, Forecast, Place, Work, forecast, volumes
from engine.running.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")
GIB = 1024 * MIB
ROOMY = (Place("target.store", 1, 1000 * GIB),)


def made(now: str, seconds: float, begin: time | None = None, deadline: time | None = time(7, 30)) -> Forecast:
    """`seconds` of looking and 100 s of writing."""
    moment = datetime.fromisoformat(now).replace(tzinfo=BERLIN).timestamp()
    work = Work(patients=1, images=10, bytes=10_000 * MIB, seconds=seconds)
    hours = Hours(begin, deadline, BERLIN)
    return forecast(now=moment, hours=hours, work=work, write_rate=100 * MIB, places=ROOMY)


@pytest.mark.parametrize(
    ("now", "seconds", "deadline", "fits"),
    [
        ("2026-05-04T20:00:00", 40_000, "2026-05-05T07:30:00+02:00", False),
        ("2026-05-05T06:00:00", 3_000, "2026-05-05T07:30:00+02:00", True),
        ("2026-05-05T07:30:00", 3_000, "2026-05-06T07:30:00+02:00", True),
        # On the night on which the clock is put forward an hour is missing.
        ("2026-03-28T23:30:00", 18_900, "2026-03-29T07:30:00+02:00", False),
        ("2026-05-04T23:30:00", 18_900, "2026-05-05T07:30:00+02:00", True),
    ],
)
def test_it_is_said_whether_the_night_is_long_enough(now: str, seconds: float, deadline: str, fits: bool) -> None:
    found = made(now, seconds)
    assert (found.deadline, found.fits_before_deadline, found.nights) == (deadline, fits, None)


def test_the_end_is_a_range_around_what_was_measured() -> None:
    found = made("2026-05-04T20:00:00", 900)
    assert (found.conversion_seconds_low, found.conversion_seconds_high) == (850, 1500)
    assert (found.finish_low, found.finish_high) == ("2026-05-04T20:14:10+02:00", "2026-05-04T20:25:00+02:00")
    assert found.latest_start == "2026-05-05T07:05:00+02:00"


def test_by_day_the_end_is_counted_from_the_evening() -> None:
    found = made("2026-05-04T12:00:00", 900, begin=time(19))
    assert found.starts_at == "2026-05-04T19:00:00+02:00"
    assert (found.finish_high, found.nights) == ("2026-05-04T19:25:00+02:00", 1)


def test_a_long_conversion_takes_several_nights() -> None:
    found = made("2026-05-04T12:00:00", 60_000, begin=time(19))
    assert (found.fits_before_deadline, found.nights) == (False, 3)


def test_without_a_deadline_every_night_is_long_enough() -> None:
    found = made("2026-05-04T12:00:00", 60_000, deadline=None)
    assert (found.deadline, found.latest_start, found.fits_before_deadline) == (None, None, None)


WORK = Work(patients=100, images=1900, bytes=100 * GIB, seconds=1.0)
STORE, DATABASE, JOB = (Place(name, 1, 1000 * GIB) for name in ("target.store", "target.database", "job"))


def test_what_lies_on_one_volume_is_added_up() -> None:
    (found,) = volumes(WORK, [STORE, DATABASE, JOB])
    assert found.holds == ("target.store", "target.database", "job")
    assert found.needed_mib == 102 * 1024 + 4 + 256


def test_a_database_on_a_server_is_taken_to_lie_with_the_store() -> None:
    assert volumes(WORK, [STORE, JOB]) == volumes(WORK, [STORE, DATABASE, JOB])


def test_every_volume_is_told_and_the_tightest_decides() -> None:
    places = [STORE, Place("target.database", 2, GIB), Place("job", 3, 300 * MIB)]
    found = forecast(now=0.0, hours=Hours(), work=WORK, write_rate=1.0, places=places)
    needs = {volume.holds: (volume.needed_mib, volume.free_mib) for volume in found.volumes}
    assert needs == {
        ("target.store",): (100 * 1024 + 256, 1000 * 1024),
        ("target.database",): (2 * 1024 + 256, 1024),
        ("job",): (260, 300),
    }
    assert [volume.is_large_enough for volume in found.volumes] == [True, False, True]
    assert (found.disk_needed_mib, found.disk_free_mib) == (2304, 1024)


def test_nothing_to_convert_needs_no_room() -> None:
    (found,) = volumes(Work(0, 0, 0, 0.0), [STORE, DATABASE, JOB])
    assert found.needed_mib == 0


def _told(found: Forecast, **more: object) -> str:
    from msgspec import to_builtins

    return "\n".join(f"{name}: {text}" for name, text in lines({**to_builtins(found), **more}))


def test_a_person_reads_when_it_ends_and_whether_it_fits() -> None:
    told = _told(made("2026-05-04T20:00:00", 900))
    assert "To convert: 1 patients, 10 images, 9.8 GiB" in told
    assert "Ends: Mon 20:14 to Mon 20:25" in told
    assert "Practice opens: Tue 07:30: fits, if begun by Tue 07:05" in told
    assert "Disk: target.store, target.database, job: 10.2 GiB needed, 1,000.0 GiB free: enough" in told


def test_a_person_reads_what_happens_when_it_does_not_fit() -> None:
    assert "takes 3 nights" in _told(made("2026-05-04T12:00:00", 60_000, begin=time(19)))
    assert "a person resumes it" in _told(made("2026-05-04T20:00:00", 40_000))
    assert "Begins: Mon 19:00, when the practice closes" in _told(made("2026-05-04T12:00:00", 900, begin=time(19)))
    change = {"number": 1, "kept": 90, "changed": 1, "new": 0, "gone": 0}
    told = _told(made("2026-05-04T20:00:00", 900), top_up=change)
    assert "Top-up 1: patients: 90 kept, 1 changed, 0 new, 0 gone" in told
